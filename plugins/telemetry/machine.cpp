#include "machine.hpp"

#include "base/hash.hpp"

#include "system_reader.hpp" // small_file

#include <fcntl.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace agenthost::telemetry {

namespace {

std::string first_line(const std::optional<std::string>& text)
{
    if (!text) return {};
    auto line = text->substr(0, text->find('\n'));
    while (!line.empty() && static_cast<unsigned char>(line.back()) <= ' ') line.pop_back();
    return line.substr(0, 256);
}

bool is_id(const std::string& text) // an image that never booted has "uninitialized"
{
    return text.size() == 32 &&
           std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::string random_id()
{
    std::array<unsigned char, 16> bytes{};
    if (::getentropy(bytes.data(), bytes.size()) != 0) return {};
    return base::hex(bytes.data(), bytes.size());
}

std::string own_id(const std::string& state_directory)
{
    if (state_directory.empty()) return random_id();
    const auto file = state_directory + "/machine-id";
    if (auto known = first_line(small_file(file)); is_id(known)) return known;
    const auto made = random_id();
    const base::Fd fd{::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)};
    const auto line = made + "\n";
    if (fd)
        (void)!::write(fd.get(), line.data(),
                       line.size()); // if it cannot be saved, the next start creates another one
    return made;
}

std::string pretty_name(const std::optional<std::string>& os_release)
{
    constexpr std::string_view key = "PRETTY_NAME=";
    if (!os_release) return {};
    auto at = os_release->starts_with(key) ? 0 : os_release->find("\n" + std::string{key});
    if (at == std::string::npos) return {};
    if (at > 0) ++at;
    auto value = first_line(os_release->substr(at + key.size()));
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
        value = value.substr(1, value.size() - 2);
    return value;
}

} // namespace

Machine read_identity(const std::string& state_directory, const std::string& root)
{
    Machine out;
    for (const char* file : {"/etc/machine-id", "/var/lib/dbus/machine-id"}) {
        out.id = first_line(small_file(root + file));
        if (is_id(out.id)) break;
        out.id.clear();
    }
    if (out.id.empty()) {
        out.id = own_id(state_directory);
        out.made_up = true;
    }
    out.boot_id = first_line(small_file(root + "/proc/sys/kernel/random/boot_id"));
    auto os = small_file(root + "/etc/os-release");
    if (!os) os = small_file(root + "/usr/lib/os-release");
    out.os = pretty_name(os);
    utsname name{};
    if (::uname(&name) == 0) {
        out.hostname = name.nodename;
        out.kernel = std::string{name.sysname} + " " + name.release;
        out.arch = name.machine;
    }
    return out;
}

} // namespace agenthost::telemetry
