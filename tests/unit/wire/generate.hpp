// Made-up texts, values and objects for round trips; the same seed makes the same.
#pragma once

#include <nlohmann/json.hpp>

#include <random>
#include <string>
#include <vector>

namespace agenthost::wire {

using Json = nlohmann::json;

// Text with everything that needs care: quotes, controls, NUL, two, three and four byte characters.
inline std::string random_text(std::mt19937& random, std::size_t most, bool identifier)
{
    static const std::vector<std::string> pieces{"a",
                                                 "Z",
                                                 "9",
                                                 " ",
                                                 "\"",
                                                 "\\",
                                                 "/",
                                                 "\n",
                                                 "\t",
                                                 "\x01",
                                                 "\x1f",
                                                 "\x7f",
                                                 "é",
                                                 "я",
                                                 "€",
                                                 "\xED\x9F\xBF",
                                                 "😀",
                                                 "{",
                                                 "}",
                                                 "[",
                                                 ":",
                                                 ",",
                                                 std::string(1, '\0')};
    std::string out;
    const std::size_t length = random() % (most + 1);
    while (out.size() < length) {
        const std::string& piece = pieces[random() % (pieces.size() - (identifier ? 1 : 0))];
        if (out.size() + piece.size() > most) break;
        out += piece;
    }
    return out;
}

inline Json random_value(std::mt19937& random, int depth)
{
    switch (random() % (depth > 0 ? 7 : 5)) {
    case 0: return random_text(random, 40, false);
    case 1: return static_cast<std::int64_t>(random()) - (1LL << 31);
    case 2: return 0.5 + static_cast<double>(random() % 1000);
    case 3: return random() % 2 == 0;
    case 4: return nullptr;
    case 5: {
        Json array = Json::array();
        for (auto n = random() % 4; n > 0; --n) array.push_back(random_value(random, depth - 1));
        return array;
    }
    default: {
        Json object = Json::object();
        for (auto n = random() % 4; n > 0; --n)
            object[random_text(random, 10, false)] = random_value(random, depth - 1);
        return object;
    }
    }
}

inline std::string random_object(std::mt19937& random)
{
    Json object = Json::object();
    for (auto n = random() % 6; n > 0; --n) object[random_text(random, 10, false)] = random_value(random, 3);
    return object.dump();
}

inline std::string identifier(std::mt19937& random, std::size_t most)
{
    std::string made = random_text(random, most, true);
    return made.empty() ? "x" : made;
}

} // namespace agenthost::wire
