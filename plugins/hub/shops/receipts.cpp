#include "receipts.hpp"

#include "task_json.hpp"

#include "base/base64.hpp"
#include "base/json_writer.hpp"
#include "wire/codes.hpp"
#include "wire/json/fields.hpp"

#include <algorithm>
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
            "The shop's agent cannot draw receipts; install agenthost with its printer plugin in this shop");
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
        return "it needs \"png\" and \"text\"";
    auto picture = base::from_base64(png->text);
    if (!picture || !picture->starts_with(png_signature)) return "its \"png\" is not a PNG in base64";
    out.png = std::move(*picture);
    out.text = text->text;
    return out.bytes() > Receipts::max_receipt ? "it is larger than 4 MiB" : std::string{};
}

void Receipts::get(const TaskRecord& task, Kind kind, const std::string& caller, Then then)
{
    if (const auto it = by_task_.find(task.id); it != by_task_.end()) {
        std::list<Kept>& kept = shops_.find(it->second->shop)->second.kept;
        kept.splice(kept.begin(), kept, it->second);
        return then(show(it->second->receipt, kind));
    }
    if (!callers_.take(caller, 1)) return then(busy_answer("Too many receipts are awaited; try again later"));
    if (!waiting_shops_.take(task.agent, 1)) {
        callers_.give_back(caller, 1);
        return then(busy_answer("Too many receipts of shop " + task.agent + " are awaited; try again later"));
    }
    std::vector<Wish>& waiting = waiting_[task.id];
    waiting.push_back({kind, caller, std::move(then)});
    if (waiting.size() > 1) return;
    requests_.ask(task.agent, shop_action::render, base::json_object("task", task.id),
                  [this, id = task.id, shop = task.agent](const Requests::Answer& answer)
                      UNDER_LOCK { arrived(id, shop, answer); });
}

void Receipts::arrived(const std::string& task, const std::string& shop, const Requests::Answer& answer)
{
    const auto node = waiting_.extract(task);
    if (!node) return;
    Receipt receipt;
    const std::string wrong = answer.ok ? read_receipt(answer.data, receipt) : std::string{};
    for (const Wish& wish : node.mapped()) {
        callers_.give_back(wish.caller, 1);
        waiting_shops_.give_back(shop, 1);
        if (!answer.ok)
            wish.then(failed(answer));
        else if (!wrong.empty())
            wish.then(error_answer(502, "INTERNAL",
                                   "The receipt from agent " + shop + " is not usable: " + wrong +
                                       ". Upgrade agenthost and its printer plugin in this shop"));
        else
            wish.then(show(receipt, wish.kind));
    }
    if (answer.ok && wrong.empty()) keep(task, shop, std::move(receipt));
}

void Receipts::keep(const std::string& task, const std::string& shop, Receipt receipt)
{
    if (by_task_.contains(task)) return;
    Shop& of = shops_[shop];
    of.kept.push_front({task, shop, std::move(receipt)});
    by_task_.emplace(task, of.kept.begin());
    of.bytes += of.kept.front().bytes();
    bytes_ += of.kept.front().bytes();
    while (bytes_ > max_kept) drop_one();
}

// So that no shop's receipts displace those of a shop that holds less.
void Receipts::drop_one()
{
    const auto most = std::max_element(shops_.begin(), shops_.end(), [](const auto& a, const auto& b) {
        return a.second.bytes < b.second.bytes;
    });
    Shop& shop = most->second;
    const Kept& last = shop.kept.back();
    shop.bytes -= last.bytes();
    bytes_ -= last.bytes();
    by_task_.erase(last.task);
    shop.kept.pop_back();
    if (shop.kept.empty()) shops_.erase(most);
}

} // namespace agenthost::hub
