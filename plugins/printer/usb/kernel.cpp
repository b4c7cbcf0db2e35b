#include "kernel.hpp"

#include "base/fd.hpp"
#include "base/trim.hpp"
#include "base/utf8.hpp"
#include "base/visible.hpp"

#include <linux/usbdevice_fs.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>

namespace agenthost::printer::usb {

namespace {

constexpr std::size_t max_string = 126;      // characters of a USB string descriptor
constexpr std::size_t max_device_id = 1'023; // its length field included; longer ones are cut
constexpr unsigned device_id_timeout_ms = 1'000;
constexpr std::size_t max_holders = 8;
constexpr std::chrono::milliseconds max_search{
    2'000}; // through /proc: very many processes, or a busy machine

struct CloseDir {
    void operator()(DIR* folder) const { ::closedir(folder); }
};
using Dir = std::unique_ptr<DIR, CloseDir>;

std::string folder_of(const std::string& port) { return "/sys/bus/usb/devices/" + port; }

std::string interface_folder(const Facts& facts)
{
    // The configuration's number is a part of the name: "1-1.4:1.0".
    const std::string configuration = attribute(facts.port, "bConfigurationValue");
    return folder_of(facts.port) + "/" + facts.port + ":" + (configuration.empty() ? "1" : configuration) +
           "." + std::to_string(facts.interface.number);
}

std::string read_text(const std::string& path)
{
    const base::Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file) return {};
    std::array<char, 1024> buffer{};
    const auto n = ::read(file.get(), buffer.data(), buffer.size());
    return n > 0 ? std::string(buffer.data(), static_cast<std::size_t>(n)) : std::string{};
}

std::string_view trimmed(std::string_view text)
{
    constexpr std::string_view space{" \t\r\n\0", 5};
    return base::trim(text, space);
}

// The first characters, none of them cut.
std::string_view first_characters(std::string_view text, std::size_t count)
{
    std::size_t at = 0;
    for (; at < text.size() && count > 0; --count)
        at += std::max<std::size_t>(base::utf8_length(text, at), 1);
    return text.substr(0, at);
}

bool same_file(const struct stat& a, const struct stat& b)
{
    if (S_ISCHR(a.st_mode) && S_ISCHR(b.st_mode)) return a.st_rdev == b.st_rdev;
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool has_open(const std::string& process, const struct stat& node)
{
    const Dir folder{::opendir((process + "/fd").c_str())};
    if (!folder) return false;
    struct stat file {};
    while (const dirent* entry = ::readdir(folder.get())) {
        if (entry->d_name[0] == '.') continue;
        if (::fstatat(::dirfd(folder.get()), entry->d_name, &file, 0) == 0 && same_file(file, node))
            return true;
    }
    return false;
}

} // namespace

std::string attribute(const std::string& port, std::string_view name)
{
    const std::string text = read_text(folder_of(port) + "/" + std::string{name});
    return base::visible(first_characters(trimmed(text), max_string));
}

std::string bound_driver(const Facts& facts)
{
    std::array<char, 512> target{};
    const std::string link = interface_folder(facts) + "/driver";
    const auto n = ::readlink(link.c_str(), target.data(), target.size());
    if (n <= 0) return {};
    const std::string_view path{target.data(), static_cast<std::size_t>(n)};
    return base::visible(path.substr(path.rfind('/') + 1));
}

int current_alternate(const Facts& facts)
{
    const std::string text = read_text(interface_folder(facts) + "/bAlternateSetting");
    const std::string_view digits = trimmed(text);
    int out = -1;
    std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return out;
}

std::string device_id_text(std::string_view answer)
{
    if (answer.size() < 2) return {};
    const auto byte = [&](std::size_t i) {
        return static_cast<std::size_t>(static_cast<unsigned char>(answer[i]));
    };
    std::size_t length = byte(0) << 8 | byte(1);
    if (length > answer.size() || length < 2)
        length = byte(1) << 8 | byte(0); // little-endian on some printers
    if (length > answer.size() || length < 2) length = answer.size();
    return base::visible(trimmed(answer.substr(2, length - 2)));
}

std::string read_device_id(const Facts& facts, int& error)
{
    error = 0;
    const base::Fd node{::open(facts.node.c_str(), O_RDWR | O_CLOEXEC)};
    if (!node) {
        error = errno;
        return {};
    }
    std::array<char, max_device_id> answer{};
    usbdevfs_ctrltransfer transfer{};
    transfer.bRequestType = 0xa1; // class request to an interface, device to host
    transfer.bRequest = 0;        // GET_DEVICE_ID
    transfer.wIndex = static_cast<__u16>(facts.interface.number << 8 | facts.interface.alternate);
    transfer.wLength = static_cast<__u16>(answer.size());
    transfer.timeout = device_id_timeout_ms;
    transfer.data = answer.data();
    const int n = ::ioctl(node.get(), USBDEVFS_CONTROL, &transfer);
    if (n < 0) {
        error = errno;
        return {};
    }
    return device_id_text({answer.data(), std::min(static_cast<std::size_t>(n), answer.size())});
}

std::vector<Holder> holders_of(const std::string& node)
{
    std::vector<Holder> out;
    struct stat wanted {};
    const Dir processes{::opendir("/proc")};
    if (!processes || ::stat(node.c_str(), &wanted) != 0) return out;
    const auto end = std::chrono::steady_clock::now() + max_search;
    while (const dirent* entry = ::readdir(processes.get())) {
        if (out.size() == max_holders || std::chrono::steady_clock::now() > end) break;
        const std::string_view name = entry->d_name;
        pid_t pid = 0;
        const auto [last, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (error != std::errc{} || last != name.data() + name.size() || pid == ::getpid()) continue;
        const std::string process = "/proc/" + std::string{name};
        if (has_open(process, wanted))
            out.push_back({pid, base::visible(trimmed(read_text(process + "/comm")))});
    }
    return out;
}

} // namespace agenthost::printer::usb
