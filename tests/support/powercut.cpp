#include "powercut.hpp"

#include "support.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <stdexcept>

namespace agenthost::test {

namespace {

constexpr std::size_t sector = 512;

// The state of the disk while events are applied.
struct Disk {
    std::map<std::uint64_t, std::string> files;
    std::map<std::uint64_t, std::map<std::string, std::uint64_t>> folders; // entries
    std::map<std::uint64_t, bool> is_folder;

    void write_out(std::uint64_t folder, const std::filesystem::path& into) const
    {
        std::filesystem::create_directories(into);
        const auto entries = folders.find(folder);
        if (entries == folders.end()) return;
        for (const auto& [name, object] : entries->second) {
            if (is_folder.contains(object)) {
                write_out(object, into / name);
            } else {
                const auto content = files.find(object);
                write_file(into / name,
                           content == files.end() ? std::string_view{} : std::string_view{content->second});
            }
        }
    }
};

void store(std::string& file, std::uint64_t at, std::string_view data)
{
    if (file.size() < at + data.size()) file.resize(at + data.size());
    std::memcpy(file.data() + at, data.data(), data.size());
}

} // namespace

Powercut::Powercut(const std::filesystem::path& log)
{
    const std::string text = read_file(log);
    for (std::size_t at = 0; at < text.size();) {
        PowercutHeader header;
        if (text.size() - at < sizeof header) break; // the process was killed while it wrote
        std::memcpy(&header, text.data() + at, sizeof header);
        at += sizeof header;
        if (text.size() - at < header.name_size + header.data_size) break;
        events_.push_back({header.kind, header.object, header.a, header.b, text.substr(at, header.name_size),
                           text.substr(at + header.name_size, header.data_size)});
        at += header.name_size + header.data_size;
    }
}

std::vector<std::string> Powercut::marks(std::size_t cut) const
{
    std::vector<std::string> found;
    for (std::size_t i = 0; i < cut && i < events_.size(); ++i)
        if (events_[i].kind == PowercutKind::mark) found.push_back(events_[i].name);
    return found;
}

void Powercut::make(std::size_t cut, std::mt19937_64& random, const std::filesystem::path& into) const
{
    cut = std::min(cut, events_.size());
    // The last sync of each object before the cut: what it did before that is safe.
    std::map<std::uint64_t, std::size_t> synced;
    for (std::size_t i = 0; i < cut; ++i)
        if (events_[i].kind == PowercutKind::sync) synced[events_[i].object] = i;
    const auto safe = [&](std::uint64_t object, std::size_t i) {
        const auto at = synced.find(object);
        return at != synced.end() && i < at->second;
    };
    // Moods: nothing unsynced survives, all does, or each with some chance; a disk that writes in order up to
    // some event.
    const unsigned chance = std::array{0u, 100u, 50u, 10u, 90u}[random() % 5];
    const std::size_t in_order = random() % 3 == 0 ? random() % (cut + 1) : cut;
    const auto lucky = [&](std::size_t i) { return i < in_order && random() % 100 < chance; };
    const auto survives = [&](std::uint64_t object, std::size_t i) { return safe(object, i) || lucky(i); };

    Disk disk;
    for (std::size_t i = 0; i < cut; ++i) {
        const PowercutEvent& e = events_[i];
        switch (e.kind) {
        case PowercutKind::mkdir: disk.is_folder[e.object] = true; [[fallthrough]];
        case PowercutKind::create:
            if (survives(e.a, i)) disk.folders[e.a][e.name] = e.object;
            break;
        case PowercutKind::write:
            if (safe(e.object, i)) {
                store(disk.files[e.object], e.a, e.data);
            } else if (lucky(i)) {
                std::string_view data = e.data;
                if (random() % 4 == 0)
                    data = data.substr(0, random() % (data.size() / sector + 1) * sector); // torn
                store(disk.files[e.object], e.a, data);
            }
            break;
        case PowercutKind::truncate:
            if (survives(e.object, i)) disk.files[e.object].resize(e.a);
            break;
        case PowercutKind::extend:
            if (survives(e.object, i))
                disk.files[e.object].resize(std::max<std::size_t>(disk.files[e.object].size(), e.a));
            break;
        case PowercutKind::rename: {
            const auto slash = e.name.find('/');
            const std::string before = e.name.substr(0, slash), after = e.name.substr(slash + 1);
            const bool together = e.a == e.b && survives(e.a, i); // within one folder it is one step
            if (e.a == e.b ? together : survives(e.a, i)) disk.folders[e.a].erase(before);
            if (e.a == e.b ? together : survives(e.b, i)) disk.folders[e.b][after] = e.object;
            break;
        }
        case PowercutKind::unlink:
            if (survives(e.a, i)) disk.folders[e.a].erase(e.name);
            break;
        case PowercutKind::sync:
        case PowercutKind::mark: break;
        }
    }
    disk.write_out(0, into);
}

} // namespace agenthost::test
