// Checks that a text is one valid JSON value; the host and the FakeHost reject anything else. RFC 8259, at
// most 64 levels deep.
#pragma once

#include "../json.hpp"

#include <cstring>
#include <string_view>

namespace agenthost::testing {

class JsonCheck {
public:
    static bool valid(std::string_view text)
    {
        JsonCheck check{text};
        check.space();
        if (!check.value(0)) return false;
        check.space();
        return check.text_.empty();
    }
    static bool object(std::string_view text)
    {
        const auto first = text.find_first_not_of(" \t\r\n");
        return first != text.npos && text[first] == '{' && valid(text);
    }
    // The string member `name` of an object, unescaped only as far as \" \\ \/ \n; "" when it is not there.
    // For assertions.
    static std::string member(std::string_view json, std::string_view name)
    {
        const auto at = json.find("\"" + std::string{name} + "\":");
        if (at == json.npos) return {};
        std::size_t i = json.find_first_not_of(" \t\r\n", at + name.size() + 3);
        std::string out;
        if (i == json.npos || json[i] != '"') return {};
        for (++i; i < json.size() && json[i] != '"'; ++i) {
            if (json[i] == '\\' && i + 1 < json.size()) {
                ++i;
                out += json[i] == 'n' ? '\n' : json[i];
            } else
                out += json[i];
        }
        return out;
    }

private:
    explicit JsonCheck(std::string_view text) : text_{text} {}

    void space()
    {
        const auto first = text_.find_first_not_of(" \t\r\n");
        text_.remove_prefix(first == text_.npos ? text_.size() : first);
    }
    bool take(std::string_view word)
    {
        if (!text_.starts_with(word)) return false;
        text_.remove_prefix(word.size());
        return true;
    }
    bool value(int depth)
    {
        if (depth > 64 || text_.empty()) return false;
        switch (text_[0]) {
        case '{': return members(depth);
        case '[': return elements(depth);
        case '"': return string();
        case 't': return take("true");
        case 'f': return take("false");
        case 'n': return take("null");
        default: return number();
        }
    }
    bool members(int depth)
    {
        take("{");
        space();
        if (take("}")) return true;
        do {
            space();
            if (!string()) return false;
            space();
            if (!take(":")) return false;
            space();
            if (!value(depth + 1)) return false;
            space();
        } while (take(","));
        return take("}");
    }
    bool elements(int depth)
    {
        take("[");
        space();
        if (take("]")) return true;
        do {
            space();
            if (!value(depth + 1)) return false;
            space();
        } while (take(","));
        return take("]");
    }
    bool string()
    {
        if (!take("\"")) return false;
        while (!text_.empty() && text_[0] != '"') {
            if (static_cast<unsigned char>(text_[0]) < 0x20) return false;
            if (take("\\")) {
                if (take("u")) {
                    for (int i = 0; i < 4; ++i) {
                        if (text_.empty() || std::strchr("0123456789abcdefABCDEF", text_[0]) == nullptr)
                            return false;
                        text_.remove_prefix(1);
                    }
                } else {
                    if (text_.empty() || std::strchr("\"\\/bfnrt", text_[0]) == nullptr) return false;
                    text_.remove_prefix(1);
                }
                continue;
            }
            const std::size_t length = detail::utf8_length(text_);
            if (length == 0) return false;
            text_.remove_prefix(length);
        }
        return take("\"");
    }
    bool digits()
    {
        const auto end = text_.find_first_not_of("0123456789");
        const std::size_t count = end == text_.npos ? text_.size() : end;
        text_.remove_prefix(count);
        return count > 0;
    }
    bool number()
    {
        take("-");
        if (!take("0") && !digits()) return false;
        if (take(".") && !digits()) return false;
        if (take("e") || take("E")) {
            if (!take("+")) take("-");
            return digits();
        }
        return true;
    }

    std::string_view text_;
};

} // namespace agenthost::testing
