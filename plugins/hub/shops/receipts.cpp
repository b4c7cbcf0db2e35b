#include "receipts.hpp"

#include "task_json.hpp"

#include "base/base64.hpp"
#include "base/json_writer.hpp"
#include "wire/codes.hpp"
#include "wire/json/fields.hpp"

#include <utility>

namespace agenthost::hub {

namespace {

using namespace std::string_view_literals;

constexpr std::string_view png_signature = "\x89PNG\r\n\x1a\n"sv;

Answer show(const Receipt& receipt, Receipts::Kind kind)
{
    if (kind == Receipts::Kind::json)
        return json_answer(200, base::json_object("png", base::base64(receipt.png), "text", receipt.text));
    const bool picture = kind == Receipts::Kind::png;
    Answer answer;
    answer.body = picture ? receipt.png : receipt.text;
    answer.headers = {{"content-type", picture ? "image/png" : "text/plain; charset=utf-8"},
                      {"x-content-type-options", "nosniff"},
                      {"cache-control", "private, no-cache"}};
    return answer;
}

Answer failed(const Requests::Answer& answer)
{
    if (answer.code == wire::code::unknown_action)
        return error_answer(
            501, "UNSUPPORTED",
            "The shop's agent cannot draw receipts; an agenthost with the printer plugin can");
    return error_answer(status_of(answer.code), answer.code, answer.message);
}

} // namespace

std::string read_receipt(std::string_view json, Receipt& out)
{
    std::string why;
    const auto members = wire::json::split(json, why);
    if (!members) return "it is not a JSON object: " + why;
    const auto* png = wire::find(*members, "png");
    const auto* text = wire::find(*members, "text");
    if (png == nullptr || text == nullptr || text->kind != wire::json::Kind::string)
        return "it has no \"png\" and \"text\"";
    auto picture = base::from_base64(png->text);
    if (!picture || !picture->starts_with(png_signature)) return "its \"png\" is not a PNG in base64";
    out.png = std::move(*picture);
    out.text = text->text;
    return out.bytes() > Receipts::max_receipt ? "it is larger than 4 MiB" : std::string{};
}

void Receipts::get(const TaskRecord& task, Kind kind, Then then)
{
    if (const auto it = by_task_.find(task.id); it != by_task_.end()) {
        kept_.splice(kept_.begin(), kept_, it->second);
        return then(show(it->second->receipt, kind));
    }
    std::vector<Wish>& waiting = waiting_[task.id];
    if (waiting.size() >= max_waiting)
        return then(busy_answer("Too many callers wait for this receipt; try again later"));
    waiting.push_back({kind, std::move(then)});
    if (waiting.size() > 1) return;
    requests_.ask(task.agent, shop_action::render, base::json_object("task", task.id),
                  [this, id = task.id](const Requests::Answer& answer) UNDER_LOCK { arrived(id, answer); });
}

void Receipts::arrived(const std::string& task, const Requests::Answer& answer)
{
    const auto node = waiting_.extract(task);
    if (!node) return;
    Receipt receipt;
    const std::string wrong = answer.ok ? read_receipt(answer.data, receipt) : std::string{};
    for (const Wish& wish : node.mapped()) {
        if (!answer.ok)
            wish.then(failed(answer));
        else if (!wrong.empty())
            wish.then(error_answer(502, "INTERNAL", "The agent's receipt is not usable: " + wrong));
        else
            wish.then(show(receipt, wish.kind));
    }
    if (answer.ok && wrong.empty()) keep(task, std::move(receipt));
}

void Receipts::keep(const std::string& task, Receipt receipt)
{
    if (by_task_.contains(task)) return;
    bytes_ += receipt.bytes();
    kept_.push_front({task, std::move(receipt)});
    by_task_.emplace(task, kept_.begin());
    while (bytes_ > max_kept) {
        bytes_ -= kept_.back().receipt.bytes();
        by_task_.erase(kept_.back().task);
        kept_.pop_back();
    }
}

} // namespace agenthost::hub
