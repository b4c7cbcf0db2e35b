#include "file_actions.hpp"

#include "file_params.hpp"

#include "plugins/docker/files/answers.hpp"
#include "plugins/docker/files/archive.hpp"
#include "plugins/docker/files/change.hpp"
#include "plugins/docker/files/copy.hpp"
#include "plugins/docker/files/list.hpp"
#include "plugins/docker/files/read.hpp"
#include "plugins/docker/files/remove.hpp"
#include "plugins/docker/files/write.hpp"

#include "base/base64.hpp"
#include "base/json_writer.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace agenthost::docker::service {

namespace {

using Json = nlohmann::json;
using files::Control;
using files::Path;
using files::Root;

// What an action works with.
struct Work {
    const Root& root;
    const Json& params;
    Control& control;
};

files::Path path_of(const Work& work, const char* key) { return service::path_of(work.params, key); }

std::string list_files(Work& work)
{
    const std::string path = work.params.value("path", "/");
    files::ListOptions options;
    options.after = work.params.value("after", "");
    options.offset = number_of(work.params, "offset", 0);
    options.limit = static_cast<std::size_t>(number_of(work.params, "limit", options.limit));
    return files::list_answer(path, files::list_folder(work.root, Path::parse(path), options, work.control));
}

std::string get_file(Work& work)
{
    const std::string path = text_of(work.params, "path");
    const auto length = number_of(work.params, "length", files::max_read_bytes);
    return files::content_answer(
        path,
        files::read_part(work.root, path_of(work, "path"), number_of(work.params, "offset", 0),
                         static_cast<std::size_t>(std::min<std::uint64_t>(length, files::max_read_bytes))));
}

std::string write_file(Work& work)
{
    const Path path = path_of(work, "path");
    if (!work.params.contains("content")) invalid_param("content or downloadUrl is missing");
    std::string content = text_of(work.params, "content");
    if (work.params.value("encoding", "utf-8") == "base64") {
        auto bytes = base::from_base64(content);
        if (!bytes) invalid_param("content is not base64");
        content = std::move(*bytes);
    }
    const auto size = files::write_file(work.root, path, content, write_options(work.params, path));
    return base::json_object("path", path.shown(), "size", size);
}

std::string rename_file(Work& work)
{
    const Path from = path_of(work, "from"), to = path_of(work, "to");
    files::rename_path(
        work.root, from, to,
        {.replace = flag_of(work.params, "replace"), .make_parents = flag_of(work.params, "parents")},
        work.control);
    return base::json_object("from", from.shown(), "to", to.shown());
}

std::string copy_file(Work& work)
{
    const Path from = path_of(work, "from"), to = path_of(work, "to");
    files::CopyOptions options;
    options.replace = flag_of(work.params, "replace");
    options.make_parents = flag_of(work.params, "parents");
    const files::Copied copied = files::copy_path(work.root, from, to, options, work.control);
    return base::json_object("from", from.shown(), "to", to.shown(), "entries", copied.entries, "bytes",
                             copied.bytes, "leftOut", copied.left_out);
}

std::string delete_file(Work& work)
{
    const Path path = path_of(work, "path");
    if (path.is_root())
        invalid_param("path is the server's folder itself. Name what is inside it, or use delete_server");
    const files::Removed removed = files::remove_path(work.root, path, work.control);
    return base::json_object("path", path.shown(), "entries", removed.entries, "bytes", removed.bytes);
}

std::string make_directory(Work& work)
{
    const Path path = path_of(work, "path");
    files::FolderOptions options;
    options.parents = flag_of(work.params, "parents");
    options.mode = mode_of(work.params, path).value_or(options.mode);
    files::make_folder(work.root, path, options);
    return base::json_object("path", path.shown());
}

std::string chmod_file(Work& work)
{
    const Path path = path_of(work, "path");
    const auto mode = mode_of(work.params, path);
    if (!mode) invalid_param("mode is missing");
    files::change_mode(work.root, path, *mode);
    return base::json_object("path", path.shown());
}

std::string archive_files(Work& work)
{
    const Path target = path_of(work, "target");
    const auto format = files::archive_format_of(target.name());
    if (!format) invalid_param("target does not end in .tar.gz, .tgz, .tar or .zip");
    files::PackOptions options;
    options.format = *format;
    options.replace = flag_of(work.params, "replace");
    options.exclude = work.params.value("exclude", std::vector<std::string>{});
    const Path base = Path::parse(work.params.value("path", "/"));
    std::vector<Path> sources;
    for (const std::string& name : work.params.value("files", std::vector<std::string>{}))
        sources.push_back(base.is_root() ? Path::parse(name)
                                         : Path::from_bytes(base.bytes() + "/" + Path::parse(name).bytes()));
    if (sources.empty()) invalid_param("files is missing: the names to pack, below path");
    const files::Packed packed = files::pack(work.root, base, sources, target, options, work.control);
    return base::json_object("target", target.shown(), "entries", packed.entries, "bytes", packed.bytes,
                             "size", packed.size, "leftOut", packed.left_out, "changed", packed.changed,
                             "reports", packed.reports);
}

std::string extract_archive(Work& work)
{
    const Path archive = path_of(work, "path");
    const Path target = work.params.contains("target") ? path_of(work, "target") : archive.parent();
    files::UnpackOptions options;
    options.replace = flag_of(work.params, "replace", true);
    const files::Unpacked unpacked = files::unpack(work.root, archive, target, options, work.control);
    return base::json_object("target", target.shown(), "entries", unpacked.entries, "bytes", unpacked.bytes,
                             "leftOut", unpacked.left_out, "reports", unpacked.reports);
}

struct Row {
    std::string_view verb;
    std::string (*run)(Work&);
    bool walks = false; // over a whole tree, so it may take long
};
constexpr Row rows[] = {
    {"list_files", list_files},
    {"get_file", get_file},
    {"write_file", write_file},
    {"rename_file", rename_file},
    {"copy_file", copy_file, true},
    {"delete_file", delete_file, true},
    {"make_directory", make_directory},
    {"chmod_file", chmod_file},
    {"archive_files", archive_files, true},
    {"extract_archive", extract_archive, true},
};

void answer(Request& request, const std::string& id, const std::string& json)
{
    std::string out = "{\"serverId\":" + json_string(id) + ",";
    request.reply(out.append(std::string_view{json}.substr(1)));
}

} // namespace

FileActions::FileActions(ServerRoots& roots)
    : roots_{roots}, pool_{{.threads = 2, .max_waiting = 128}}, walks_{{.threads = 2, .max_waiting = 128}}
{}
FileActions::~FileActions() = default;

void FileActions::run(std::shared_ptr<Request> request, const FileScope& scope, std::string action)
{
    const auto row =
        std::find_if(std::begin(rows), std::end(rows), [&](const Row& each) { return each.verb == action; });
    if (row == std::end(rows)) {
        request->fail("UNKNOWN_ACTION", "docker." + action + " is not a file action");
        return;
    }
    // A small write never waits for archives, and one server's archives do not delay another's.
    base::Pool& pool = row->walks ? walks_ : pool_;
    std::string caller = panel_of(request->caller());
    if (row->walks) caller += " for " + scope.id;
    const auto job = [this, request, scope, row](base::Cancel& cancel) {
        try {
            if (cancel.is_set())
                return void(request->fail("CANCELLED",
                                          "the file action was cancelled before its turn came. Nothing was "
                                          "changed.",
                                          {}, not_started));
            const auto stay = scope.life->enter(cancel);
            const auto own = roots_.root(scope);
            const Json params = Json::parse(request->params());
            Control control{&cancel, [&](const files::Progress& progress) {
                                request->progress(
                                    base::json_object("entries", progress.entries, "bytes", progress.bytes));
                            }};
            Work work{*own, params, control};
            answer(*request, scope.id, row->run(work));
        } catch (const Error& e) {
            request->fail(e);
        } catch (const std::exception& e) {
            request->fail("INVALID_REQUEST", e.what());
        }
    };
    const auto submitted = pool.submit(job, caller);
    if (!submitted) {
        request->fail("BUSY",
                      "the queue of file actions is full: " + pool.no_place(caller) + ". Try again later.",
                      {}, not_started);
        return;
    }
    request->on_cancel([&pool, weak = std::weak_ptr{submitted}] {
        const auto cancel = weak.lock();
        if (!cancel) return;
        cancel->set();
        if (const auto waiting = pool.withdraw(cancel)) waiting(*cancel); // answers
    });
}

} // namespace agenthost::docker::service
