// Archives as an attacker would make them: any name, any type.
#pragma once

#include "plugins/docker/files/archive_library.hpp"
#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace agenthost::test {

struct MadeEntry {
    std::string name, content;
    unsigned type = AE_IFREG;
    std::string link, hard_link;
    unsigned mode = 0644;
    long long size = -1; // default: the content's
};

inline void make_archive(const std::filesystem::path& file, const std::string& format,
                         const std::string& filter, const std::vector<MadeEntry>& entries)
{
    const docker::files::Utf8Locale locale;
    const docker::files::ArchiveWriter a{archive_write_new()};
    ASSERT_EQ(archive_write_set_format_by_name(a.get(), format.c_str()), ARCHIVE_OK);
    if (filter != "none") {
        ASSERT_EQ(archive_write_add_filter_by_name(a.get(), filter.c_str()), ARCHIVE_OK) << filter;
    }
    ASSERT_EQ(archive_write_open_filename(a.get(), file.c_str()), ARCHIVE_OK);
    for (const MadeEntry& made : entries) {
        const docker::files::ArchiveEntry entry{archive_entry_new()};
        archive_entry_set_pathname(entry.get(), made.name.c_str());
        archive_entry_set_filetype(entry.get(), made.type);
        archive_entry_set_perm(entry.get(), made.mode);
        archive_entry_set_size(entry.get(),
                               made.size >= 0 ? made.size : static_cast<long long>(made.content.size()));
        archive_entry_set_mtime(entry.get(), 1'600'000'000, 0);
        if (!made.link.empty()) archive_entry_set_symlink(entry.get(), made.link.c_str());
        if (!made.hard_link.empty()) archive_entry_set_hardlink(entry.get(), made.hard_link.c_str());
        if (made.type == AE_IFCHR || made.type == AE_IFBLK) archive_entry_set_rdev(entry.get(), 0x101);
        ASSERT_GE(archive_write_header(a.get(), entry.get()), ARCHIVE_WARN) << archive_error_string(a.get());
        if (!made.content.empty()) archive_write_data(a.get(), made.content.data(), made.content.size());
    }
    ASSERT_EQ(archive_write_close(a.get()), ARCHIVE_OK) << archive_error_string(a.get());
}

} // namespace agenthost::test
