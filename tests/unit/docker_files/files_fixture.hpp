// A server's folder, and beside it what no operation may reach.
#pragma once

#include "plugins/docker/files/control.hpp"
#include "plugins/docker/files/root.hpp"
#include "tests/support/support.hpp"

#include <agenthost/error.hpp>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace agenthost::test {

namespace fs = std::filesystem;
using docker::files::Control;
using docker::files::Path;
using docker::files::Root;

constexpr std::uint64_t mebibyte = 1 << 20;

struct FilesFixture {
    explicit FilesFixture(docker::files::DiskLimit::Options limit = {.keep_free = 0})
    {
        fs::create_directory(dir / "server");
        fs::create_directory(dir / "outside");
        write_file(dir / "outside/secret", "classified");
        root = std::make_shared<Root>((dir / "server").string(), std::nullopt, limit);
    }
    [[nodiscard]] fs::path in(std::string_view name) const { return dir / "server" / name; }
    [[nodiscard]] fs::path out(std::string_view name) const { return dir / "outside" / name; }
    void put(std::string_view name, std::string_view content) const
    {
        fs::create_directories(in(name).parent_path());
        write_file(in(name), content, 0644);
    }
    [[nodiscard]] std::string get(std::string_view name) const { return read_file(in(name)); }

    // Everything outside, to compare: names, contents, modes.
    [[nodiscard]] std::map<std::string, std::string> outside() const
    {
        std::map<std::string, std::string> found;
        for (const auto& entry : fs::recursive_directory_iterator{dir / "outside"}) {
            struct stat info {};
            ::lstat(entry.path().c_str(), &info);
            found[entry.path().string()] = std::to_string(info.st_mode) + " " +
                                           std::to_string(info.st_nlink) + " " +
                                           (entry.is_regular_file() ? read_file(entry.path()) : "");
        }
        return found;
    }
    // Names of unfinished work anywhere in the server's folder.
    [[nodiscard]] std::size_t leftovers() const
    {
        std::size_t count = 0;
        for (const auto& entry : fs::recursive_directory_iterator{dir / "server"})
            count += entry.path().filename().string().ends_with(".part");
        return count;
    }

    TempDir dir;
    std::shared_ptr<Root> root;
    Control control;
};

inline Path path(std::string_view text) { return Path::parse(text); }

// The code of what it throws; "" if nothing. `text` gets the sentence.
inline std::string code_of(const std::function<void()>& action, std::string* text = nullptr)
{
    try {
        action();
        return {};
    } catch (const Error& error) {
        if (text != nullptr) *text = error.what();
        return error.code();
    }
}

inline bool is_root() { return ::geteuid() == 0; }

} // namespace agenthost::test
