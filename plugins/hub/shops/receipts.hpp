// The receipts of shops' tasks as a picture and as text. The agent draws them (printer.render); the hub keeps
// the latest in memory, so that they can be seen while the shop is away. Under the hub's lock.
//
// Bounds: bytes of one receipt, of all that are kept, and callers that wait for one.
#pragma once

#include "plugins/hub/core/by_id.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/http/http.hpp"
#include "plugins/hub/store/model.hpp"
#include "plugins/hub/tasks/requests.hpp"

#include <cstdint>
#include <functional>
#include <list>
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
    static constexpr std::size_t max_receipt = 4U << 20, max_kept = 32U << 20, max_waiting = 64;

    enum class Kind { png, text, json };
    using Then = std::function<void(Answer)>;

    explicit Receipts(Core& core, Requests& requests) : core_{core}, requests_{requests} {}

    // `task` is a shop's task that prints. 200 with the receipt, or an error. `then` is called once.
    void get(const TaskRecord& task, Kind, Then then) UNDER_LOCK;
    [[nodiscard]] std::size_t bytes() const UNDER_LOCK { return bytes_; }

private:
    struct Kept {
        std::string task;
        Receipt receipt;
    };
    struct Wish {
        Kind kind;
        Then then;
    };
    void arrived(const std::string& task, const Requests::Answer&) UNDER_LOCK;
    void keep(const std::string& task, Receipt) UNDER_LOCK;

    Core& core_;
    Requests& requests_;
    std::list<Kept> kept_ GUARDED; // the latest used first
    ById<std::list<Kept>::iterator> by_task_ GUARDED;
    ById<std::vector<Wish>> waiting_ GUARDED;
    std::size_t bytes_ GUARDED = 0;
};

} // namespace agenthost::hub
