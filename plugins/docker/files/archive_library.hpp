// What pack and unpack share of libarchive: owners, its view of file names, its error texts.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <clocale>
#include <locale.h>
#include <memory>
#include <string>

namespace agenthost::docker::files {

// libarchive converts names by the thread's locale; under "C" it refuses what is not ASCII. For the life of
// this object the calling thread has a UTF-8 locale; other threads are not touched.
class Utf8Locale {
public:
    Utf8Locale() : locale_{::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)}
    {
        if (locale_ != nullptr) before_ = ::uselocale(locale_);
    }
    ~Utf8Locale()
    {
        if (locale_ == nullptr) return;
        ::uselocale(before_);
        ::freelocale(locale_);
    }
    Utf8Locale(const Utf8Locale&) = delete;
    Utf8Locale& operator=(const Utf8Locale&) = delete;

private:
    locale_t locale_ = nullptr, before_ = nullptr;
};

// The locale "C", for uselocale().
class PlainLocale {
public:
    PlainLocale() : locale_{::newlocale(LC_CTYPE_MASK, "C", nullptr)} {}
    ~PlainLocale()
    {
        if (locale_ != nullptr) ::freelocale(locale_);
    }
    PlainLocale(const PlainLocale&) = delete;
    PlainLocale& operator=(const PlainLocale&) = delete;
    [[nodiscard]] locale_t get() const { return locale_; }

private:
    locale_t locale_;
};

struct FreeReader {
    void operator()(archive* a) const { ::archive_read_free(a); }
};
struct FreeWriter {
    void operator()(archive* a) const { ::archive_write_free(a); }
};
struct FreeEntry {
    void operator()(archive_entry* e) const { ::archive_entry_free(e); }
};
using ArchiveReader = std::unique_ptr<archive, FreeReader>;
using ArchiveWriter = std::unique_ptr<archive, FreeWriter>;
using ArchiveEntry = std::unique_ptr<archive_entry, FreeEntry>;

inline std::string archive_message(archive* a)
{
    const char* text = ::archive_error_string(a);
    return text != nullptr ? text : "no reason given";
}

} // namespace agenthost::docker::files
