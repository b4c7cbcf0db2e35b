// A folder with a configuration in it.
#pragma once

#include "host/config/config.hpp"
#include "tests/support/support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace agenthost::host::test {

struct Configured : testing::Test {
    agenthost::test::TempDir dir;

    std::filesystem::path file() const { return dir / "agenthost.yaml"; }

    LoadResult load(std::string_view yaml, std::vector<std::pair<std::string, std::string>> overrides = {})
    {
        agenthost::test::write_file(file(), yaml);
        return load_config({.file = file(), .overrides = std::move(overrides), .environment = false});
    }

    // Problems, a line each, with the folder's name cut off.
    std::string problems(const LoadResult& result) const { return cut(result.problems); }
    std::string problems(std::string_view yaml) { return problems(load(yaml)); }

    template <class List> std::string cut(const List& list) const
    {
        std::string out;
        for (const auto& entry : list) {
            std::string text;
            if constexpr (requires { entry.text; })
                text = entry.text;
            else
                text = entry;
            const std::string folder = dir.path().string() + "/";
            for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder))
                text.erase(at, folder.size());
            out += (out.empty() ? "" : "\n") + text;
        }
        return out;
    }
};

// An environment variable for the length of a test.
class Environment {
public:
    Environment(const char* name, const std::string& value) : name_{name}
    {
        if (const char* old = std::getenv(name)) old_ = old;
        ::setenv(name, value.c_str(), 1);
    }
    ~Environment()
    {
        if (old_)
            ::setenv(name_.c_str(), old_->c_str(), 1);
        else
            ::unsetenv(name_.c_str());
    }
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;

private:
    std::string name_;
    std::optional<std::string> old_;
};

} // namespace agenthost::host::test
