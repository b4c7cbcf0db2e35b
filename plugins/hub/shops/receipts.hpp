// The receipts of shops' tasks as a picture and as text. The agent draws them (printer.render); the hub keeps
// the latest in memory, so that they can be seen while the shop is away. Under the hub's lock.
//
// Bounds: `max_receipt` bytes each, `max_kept` bytes in all, and `max_waiting` callers that wait, shared
// among tokens and among shops (core/shares.hpp). When the memory is full, the shop that holds the most loses
// the receipt that it has not used for the longest time.
#pragma once

#include "plugins/hub/core/by_id.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/core/shares.hpp"
#include "plugins/hub/http/http.hpp"
#include "plugins/hub/store/model.hpp"
#include "plugins/hub/tasks/requests.hpp"

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

struct Receipt {
    std::string png, text;
    [[nodiscard]] std::size_t bytes() const { return png.size() + text.size(); }
};
// Of printer.render's answer {"png":BASE64,"text","width","height"}; the problem, or empty.
std::string read_receipt(std::string_view json, Receipt&);

class Receipts {
public:
    static constexpr std::size_t max_receipt = 4U << 20, max_kept = 32U << 20, max_waiting = 1'024;
    // What a receipt costs beside its content.
    static constexpr std::size_t overhead = 512;

    enum class Kind { png, text, json };
    using Then = std::function<void(Answer)>;

    explicit Receipts(Core& core, Requests& requests) : core_{core}, requests_{requests} {}

    // `task` is a shop's task that prints; `caller` is the token's subject, empty: the command line. 200 with
    // the receipt, or an error. `then` is called once.
    void get(const TaskRecord& task, Kind, const std::string& caller, Then then) UNDER_LOCK;
    [[nodiscard]] std::size_t bytes() const UNDER_LOCK { return bytes_; }

private:
    struct Kept {
        std::string task, shop;
        Receipt receipt;
        [[nodiscard]] std::size_t bytes() const { return receipt.bytes() + overhead; }
    };
    struct Shop {
        std::list<Kept> kept; // the latest used first
        std::size_t bytes = 0;
    };
    struct Wish {
        Kind kind;
        std::string caller;
        Then then;
    };
    void arrived(const std::string& task, const std::string& shop, const Requests::Answer&) UNDER_LOCK;
    void keep(const std::string& task, const std::string& shop, Receipt) UNDER_LOCK;
    void drop_one() UNDER_LOCK;

    Core& core_;
    Requests& requests_;
    ById<Shop> shops_ GUARDED; // that hold something
    ById<std::list<Kept>::iterator> by_task_ GUARDED;
    ById<std::vector<Wish>> waiting_ GUARDED;
    Shares callers_ GUARDED{max_waiting}, waiting_shops_ GUARDED{max_waiting}; // of the same places
    std::size_t bytes_ GUARDED = 0;
};

} // namespace agenthost::hub
