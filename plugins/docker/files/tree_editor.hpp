// Finds the place of an edit in a file that is a tree of values (JSON, YAML) and collects what changes there.
// How a value is replaced or added is the format's. Internal to edit_json.cpp and edit_yaml.cpp.
//
// Node has `members` (key and index of the node) and `elements` (indices). The first node is the document.
#pragma once

#include "edit_parts.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agenthost::docker::files {

template <class Node> class TreeEditor {
public:
    TreeEditor(std::string_view text, std::vector<Node> nodes) : text_{text}, nodes_{std::move(nodes)} {}

    void apply(const Edit& edit)
    {
        const std::vector<WhereStep> steps = parse_where(edit.where);
        hits_ = 0;
        why_ = "not found";
        walk(0, steps, 0, edit);
        if (hits_ == 0 && !edit.if_value) edited_.misses.push_back(edit.where + ": " + why_);
    }
    EditRound finish()
    {
        edited_.text = apply_splices(text_, std::move(splices_));
        return {std::move(edited_), std::move(later_)};
    }

protected:
    ~TreeEditor() = default;

    // Why the value of this node cannot be replaced, or no member can be added to it; empty: it can.
    virtual std::string cannot_set(const Node&) const = 0;
    virtual std::string cannot_add(const Node&) const = 0;
    // The current value as text, for Edit::if_value.
    virtual std::string value_of(const Node&) const = 0;
    // Adds the splice that replaces the value; false: it already is the wanted one.
    virtual bool replace(const Node&, const Edit&) = 0;
    // Adds the splice of a new member: the keys from `step` on, then the value.
    virtual void add(std::size_t id, const std::vector<WhereStep>& steps, std::size_t step, const Edit&) = 0;
    // Whether a member that an earlier edit added to the node makes this one wait for another round.
    virtual bool waits(const Node&, bool same_key) const = 0;

    [[nodiscard]] const Node& node(std::size_t id) const { return nodes_[id]; }
    [[nodiscard]] std::string_view text() const { return text_; }
    void splice(std::size_t from, std::size_t to, std::string text)
    {
        splices_.push_back({from, to, std::move(text)});
    }
    // Members added to the node in this round, the present one included.
    [[nodiscard]] std::size_t added_to(std::size_t id) const
    {
        return static_cast<std::size_t>(
            std::count_if(added_.begin(), added_.end(), [&](const auto& a) { return a.first == id; }));
    }

private:
    void walk(std::size_t id, const std::vector<WhereStep>& steps, std::size_t step, const Edit& edit)
    {
        if (step == steps.size()) return set(id, edit);
        const Node& at = nodes_[id];
        const WhereStep& want = steps[step];
        if (want.any) {
            for (const auto& [key, member] : at.members) walk(member, steps, step + 1, edit);
            for (const std::size_t element : at.elements) walk(element, steps, step + 1, edit);
            return;
        }
        if (want.index) {
            if (*want.index < at.elements.size())
                return walk(at.elements[*want.index], steps, step + 1, edit);
            why_ = "the list has fewer elements";
            return;
        }
        bool found = false;
        for (const auto& [key, member] : at.members) {
            if (key != want.key) continue;
            found = true;
            walk(member, steps, step + 1, edit);
        }
        if (!found && !edit.if_value) add_member(id, steps, step, edit);
    }

    void set(std::size_t id, const Edit& edit)
    {
        const Node& at = nodes_[id];
        if (std::string why = cannot_set(at); !why.empty()) {
            why_ = std::move(why);
            return;
        }
        ++hits_;
        if (edit.if_value && !edit.if_value(value_of(at))) return;
        // Two edits of one value: the first counts.
        if (std::find(set_.begin(), set_.end(), id) != set_.end() || !replace(at, edit)) return;
        set_.push_back(id);
        ++edited_.changed;
    }

    void add_member(std::size_t id, const std::vector<WhereStep>& steps, std::size_t step, const Edit& edit)
    {
        if (std::string why = cannot_add(nodes_[id]); !why.empty()) {
            why_ = std::move(why);
            return;
        }
        for (std::size_t i = step; i < steps.size(); ++i) {
            if (!steps[i].any && !steps[i].index) continue;
            why_ = "lists and * are found, not added";
            return;
        }
        ++hits_;
        for (const auto& [parent, key] : added_)
            if (parent == id && waits(nodes_[id], key == steps[step].key)) return later_.push_back(edit);
        added_.emplace_back(id, steps[step].key);
        add(id, steps, step, edit);
        ++edited_.changed;
    }

    std::string_view text_;
    std::vector<Node> nodes_;
    std::vector<Splice> splices_;
    std::vector<std::pair<std::size_t, std::string>> added_;
    std::vector<std::size_t> set_;
    Edited edited_;
    std::vector<Edit> later_;
    std::size_t hits_ = 0;
    std::string why_;
};

} // namespace agenthost::docker::files
