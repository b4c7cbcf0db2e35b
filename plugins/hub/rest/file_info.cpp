#include "file_info.hpp"

#include "wire/json/fields.hpp"
#include "wire/json/json.hpp"

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>

namespace agenthost::hub {

namespace {

namespace json = wire::json;

std::optional<std::uint64_t> whole_number(const json::Member* member)
{
    std::uint64_t value = 0;
    if (member == nullptr || member->kind != json::Kind::number) return std::nullopt;
    const char* const end = member->raw.data() + member->raw.size();
    const auto [stop, error] = std::from_chars(member->raw.data(), end, value);
    return error == std::errc{} && stop == end ? std::optional{value} : std::nullopt;
}

} // namespace

Answer file_info_answer(std::string_view data, std::string_view agent, std::string_view file)
{
    std::string why;
    const auto members = json::split(data, why);
    const json::Member* const id = members ? wire::find(*members, "id") : nullptr;
    const auto size = members ? whole_number(wire::find(*members, "size")) : std::nullopt;
    if (id == nullptr || id->kind != json::Kind::string || id->text != file || !size)
        return error_answer(501, "UNSUPPORTED",
                            "Agent " + std::string{agent} +
                                " cannot describe a file without sending it (its storage.info ignores "
                                "\"file_id\"); use GET, or upgrade the agent");
    const json::Member* const sha256 = wire::find(*members, "sha256");
    const bool hashed = sha256 != nullptr && sha256->kind == json::Kind::string;
    Range whole;
    Answer answer = file_head(Head{}, *size, hashed ? parse_sha256(sha256->text).value_or("") : "", whole);
    answer.absent_length = *size;
    return answer;
}

} // namespace agenthost::hub
