#include "edit_file.hpp"

#include "error.hpp"
#include "read.hpp"
#include "write.hpp"

#include <string>

namespace agenthost::docker::files {

namespace {

bool starts_from_nothing(FileFormat format)
{
    return format == FileFormat::properties || format == FileFormat::ini || format == FileFormat::yaml ||
           format == FileFormat::json;
}

} // namespace

Edited edit_file(const Root& root, const Path& path, FileFormat format, const std::vector<Edit>& edits)
{
    std::string text;
    bool exists = true;
    try {
        text = read_whole(root, path, max_edited_bytes);
    } catch (const Error& error) {
        if (error.code() != "FILE_NOT_FOUND") throw;
        exists = false;
    }
    Edited edited;
    if (!exists && !starts_from_nothing(format)) {
        edited.misses.push_back(path.shown() + ": the file does not exist");
        return edited;
    }
    try {
        edited = edit_text(text, format, edits);
    } catch (const Error& error) {
        fail_at(error.code(), path, error.what());
    }
    if (edited.changed > 0) {
        WriteOptions options;
        options.make_parents = true;
        write_file(root, path, edited.text, options);
    }
    edited.text.clear();
    return edited;
}

} // namespace agenthost::docker::files
