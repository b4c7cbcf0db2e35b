// What a driver said, and what the folder may therefore hold after it was killed.
#pragma once

#include "../../support/proxy.hpp"
#include "box.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>

namespace agenthost::test {

class History {
public:
    void add(const std::string& saying)
    {
        std::istringstream in{saying};
        std::string verb, id, content;
        if (!(in >> verb >> id >> content))
            return; // half a line: the kill came while it was written, after an operation's end
        State& state = states_[id];
        if (verb == "begin") state.pending = content;
        if (verb == "ack") state.is = content;
        if (verb != "begin") state.pending.clear();
    }
    void add_lines(const std::string& text)
    {
        for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
            add(text.substr(at, end - at));
    }
    // What is true from now on, after it was looked at.
    void settle(const std::map<std::string, std::string>& found)
    {
        for (auto& [id, state] : states_) {
            const auto now = found.find(id);
            state = {now == found.end() ? "-" : now->second, ""};
        }
    }
    // Every acknowledged file whole, every unacknowledged one absent or as before, none half, nothing
    // forgotten on the disk.
    std::map<std::string, std::string> check(Box& box) const
    {
        std::map<std::string, std::string> found;
        const Json verified = box.verify();
        EXPECT_TRUE(verified["missing"].empty()) << verified;
        EXPECT_TRUE(verified["damaged"].empty()) << verified;
        const Json listed = box.list({{"limit", 1000}});
        for (const auto& file : listed["files"]) found[file["id"]] = file["sha256"];
        EXPECT_EQ(verified["whole"], found.size());
        for (const auto& [id, state] : states_) {
            const auto at = found.find(id);
            const std::string is = at == found.end() ? "-" : at->second;
            EXPECT_TRUE(is == state.is || is == state.pending)
                << id << " is " << is << ", acknowledged was " << state.is << ", under way " << state.pending;
        }
        for (const auto& [id, sha] : found) EXPECT_TRUE(states_.contains(id)) << id;
        EXPECT_TRUE(box.files("incoming").empty());
        EXPECT_EQ(box.files("files").size(), found.size());
        return found;
    }
    [[nodiscard]] std::size_t acknowledged() const
    {
        std::size_t n = 0;
        for (const auto& [id, state] : states_) n += state.is != "-";
        return n;
    }

private:
    struct State {
        std::string is = "-", pending; // contents by SHA-256; "-": no file
    };
    std::map<std::string, State> states_;
};

// Serves /SEED/SIZE as random_bytes(SIZE, SEED), with a length or in chunks.
inline std::string serve_random(const HttpRequest& request)
{
    const std::string target = request.target();
    const auto slash = target.find('/', 1);
    const std::string content = random_bytes(std::stoul(target.substr(slash + 1)),
                                             static_cast<unsigned>(std::stoul(target.substr(1, slash - 1))));
    return request.number % 3 == 0 ? http_chunked(content, 9000) : http_answer("200 OK", content);
}

inline bool long_proof() { return std::getenv("AGENTHOST_PROOF") != nullptr; }

} // namespace agenthost::test
