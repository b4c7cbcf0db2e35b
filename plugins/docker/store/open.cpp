#include "open.hpp"

#include "layout.hpp"

#include <sqlite3.h>

#include <filesystem>
#include <system_error>

namespace agenthost::docker::store {

namespace {

bool is_damage(const base::SqliteError& error)
{
    const int code = error.code() & 0xff;
    return code == SQLITE_NOTADB || code == SQLITE_CORRUPT;
}

std::runtime_error unusable(const std::string& file, const base::SqliteError& error)
{
    std::string text = "servers file " + file + ": " + error.what() + ". ";
    if ((error.code() & 0xff) == SQLITE_BUSY)
        text +=
            "Another process has it open: stop the other agenthost, or give this one an agent.state_dir of "
            "its own.";
    else if (error.disk_full())
        text += "Free space on that file system.";
    else
        text += "Check that the folder exists and that the daemon's user may write the file and its folder.";
    return std::runtime_error{text};
}

void check_content(base::Database& db, const std::string& file)
{
    auto check = db.prepare("PRAGMA quick_check(1)");
    if (!check.step() || check.text(0) == "ok") return;
    throw Damaged{file + ": " + std::string{check.text(0)}};
}

// The file and its write-ahead log belong together.
void move_aside(const std::string& file, const std::string& to)
{
    for (const char* part : {"-wal", "-shm", ""}) {
        std::error_code error;
        std::filesystem::rename(file + part, to + part, error);
        if (error && error != std::errc::no_such_file_or_directory)
            throw std::runtime_error{"servers file " + file + part + " is damaged and cannot be renamed to " +
                                     to + part + ": " + error.message() + ". Move it away."};
    }
}

std::string free_name(const std::string& file)
{
    constexpr int last = 9;
    for (int number = 1; number < last; ++number) {
        std::string name = file + ".damaged-" + std::to_string(number);
        if (!std::filesystem::exists(name)) return name;
    }
    return file + ".damaged-" + std::to_string(last);
}

} // namespace

base::Database open_database(const std::string& file)
{
    try {
        base::Database db{file};
        // One daemon for each file.
        db.exec("PRAGMA locking_mode=EXCLUSIVE");
        db.exec("PRAGMA journal_size_limit=4194304");
        check_content(db, file);
        const int version = layout_version(db);
        if (version > static_cast<int>(layout_steps().size()))
            throw std::runtime_error{
                "servers file " + file + ": its layout is version " + std::to_string(version) +
                ", and this agenthost knows " + std::to_string(layout_steps().size()) +
                ". Run the newer agenthost that wrote it, or move the file away and send "
                "create_server for each server again."};
        upgrade_layout(db, layout_steps());
        auto page = db.prepare("PRAGMA page_size");
        page.step();
        const auto pages = max_file_bytes / static_cast<std::uint64_t>(page.integer(0));
        page.reset();
        db.exec(("PRAGMA max_page_count=" + std::to_string(pages)).c_str());
        return db;
    } catch (const base::SqliteError& error) {
        if (is_damage(error)) throw Damaged{file + ": " + error.what()};
        throw unusable(file, error);
    }
}

Opened open_store(const std::string& file)
{
    try {
        auto store = std::make_unique<Store>(file);
        auto content = store->load(); // every row is read, so damage is found now and not later
        return {std::move(store), std::move(content), {}};
    } catch (const Damaged& damage) {
        const std::string aside = free_name(file);
        move_aside(file, aside);
        return {std::make_unique<Store>(file),
                {},
                problem(code::store_damaged, "the list of servers was damaged (" +
                                                 std::string{damage.what()} + ") and is kept as " + aside +
                                                 "; the plugin began with an empty one. Servers' files and "
                                                 "running containers were not touched")
                    .message};
    }
}

} // namespace agenthost::docker::store
