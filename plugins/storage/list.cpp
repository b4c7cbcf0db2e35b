// storage.list and storage.info, of the store or of one file.
#include "actions.hpp"
#include "job.hpp"
#include "params.hpp"

#include "base/json_writer.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace agenthost::storage {

namespace {

std::string file_json(const FileRecord& row)
{
    nlohmann::json file{{"id", row.id},
                        {"name", row.name},
                        {"owner_id", row.owner},
                        {"size", row.size},
                        {"stored_at", row.stored_ms}};
    if (!row.sha256.empty()) file["sha256"] = row.sha256;
    if (row.state != FileState::whole)
        file["state"] = row.state == FileState::missing ? "missing" : "damaged";
    return file.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// A page ends after `limit` files or before it would exceed `max_bytes`; it always has at least one file.
std::string list_json(const std::vector<FileRecord>& rows, std::size_t limit, std::size_t max_bytes)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().array("files");
    std::size_t shown = 0;
    for (; shown < std::min(rows.size(), limit); ++shown) {
        const std::string file = file_json(rows[shown]);
        if (shown > 0 && out.size() + file.size() + 1 > max_bytes) break;
        json.value(base::RawJson{file});
    }
    json.end();
    if (shown < rows.size()) json.member("next_cursor", rows[shown - 1].id);
    json.end();
    return out;
}

// One file's row, in order with the other jobs on this file. A file that could not be sent now is not described
// either.
class Describe : public Job {
public:
    Describe(const Parts& parts, Request request, std::string id)
        : Job{parts, std::move(request)}, id_{std::move(id)}
    {}

protected:
    MaybeProblem work(std::string& reply) override
    {
        FileRecord row;
        base::Fd file;
        if (auto failed = parts_.open(id_, row, file)) return failed;
        row.state = FileState::whole;
        reply = file_json(row);
        return std::nullopt;
    }

private:
    std::string id_;
};

} // namespace

void list(const Parts& parts, Request request)
{
    auto parsed = parse_query(request.params());
    if (const auto* bad = std::get_if<Problem>(&parsed)) {
        request.fail(bad->code, bad->message, bad->detail);
        return;
    }
    auto& query = std::get<Index::Query>(parsed);
    const std::size_t limit = query.limit++; // one more, to see whether there is another page
    request.reply(list_json(parts.index.list(query), limit, query.max_bytes));
}

void info(const Parts& parts, Request request)
{
    auto id = parse_file_id(request.params());
    if (const auto* given = std::get_if<std::string>(&id); given != nullptr && given->empty())
        request.reply(parts.status.info(parse_caller(request.caller()).agent_id));
    else
        submit<Describe>(parts, std::move(request), std::move(id), {Schedule::Access::read, false});
}

} // namespace agenthost::storage
