#include "problems.hpp"

#include <algorithm>
#include <tuple>

namespace agenthost::host::conf {

std::string Where::text() const
{
    if (!source) return {};
    if (line <= 0) return source->name;
    return source->name + ":" + std::to_string(line) + ":" + std::to_string(column);
}

void Problems::add(const Where& where, std::string text) { problems_.push_back({where, std::move(text)}); }
void Problems::warn(const Where& where, std::string text) { warnings_.push_back({where, std::move(text)}); }
std::vector<std::string> Problems::problems() const { return list(problems_); }
std::vector<std::string> Problems::warnings() const { return list(warnings_); }

std::vector<std::string> Problems::list(std::vector<Entry> entries)
{
    constexpr std::size_t max_listed = 100; // more usually have one common cause
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        const auto rank = [](const Where& w) {
            return std::tuple{w.source ? w.source->order : 1 << 30, w.line, w.column};
        };
        return rank(a.where) < rank(b.where);
    });
    std::vector<std::string> out;
    for (const Entry& entry : entries) {
        if (out.size() == max_listed) {
            out.push_back("and " + std::to_string(entries.size() - max_listed) + " more");
            break;
        }
        const std::string where = entry.where.text();
        out.push_back(where.empty() ? entry.text : where + ": " + entry.text);
    }
    return out;
}

} // namespace agenthost::host::conf
