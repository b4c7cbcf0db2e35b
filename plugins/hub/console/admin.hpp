// The actions behind `agenthost hub ...`: mint, list and revoke the credentials of agents and REST callers.
// Under the hub's lock.
//
// A minted secret or token appears only in the reply of the call that created it: the tables keep its
// SHA-256, or for JWTs its id. Agents of storage, print and signed get a secret; panel agents a JWT and a
// refresh token; dashboard agents a JWT.
//
// More than 25 members: one function for each action, and the tables that the actions change.
#pragma once

#include "plugins/hub/agents/sessions.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/core/reply.hpp"
#include "plugins/hub/credentials/credentials.hpp"
#include "plugins/hub/credentials/enrolment_book.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::hub {

class Admin {
public:
    Admin(Core& core, Credentials& credentials, CredentialTable& tokens, EnrolmentTable& table,
          EnrolmentBook& book, Registry& registry, Sessions& sessions)
        : core_{core}, credentials_{credentials}, tokens_{tokens}, table_{table}, book_{book},
          registry_{registry}, sessions_{sessions}
    {}

    // `params` has been checked against the manifest's schema.
    void call(std::string_view action, std::string_view params, ReplyPtr) UNDER_LOCK;

private:
    struct Params {
        std::string id, label, after, protocol, role;
        std::optional<std::vector<std::string>> agents;
        std::optional<milliseconds> expires;
        bool rotate = false;
    };
    static Params read(std::string_view json); // throws std::invalid_argument
    void dispatch(std::string_view action, const Params&, const ReplyPtr&) UNDER_LOCK;
    void agent_add(const Params&, ReplyPtr) UNDER_LOCK;
    void agent_list(const std::string& after, ReplyPtr) UNDER_LOCK;
    void agent_revoke(const std::string& id, ReplyPtr) UNDER_LOCK;
    void revoke(const std::string& id, const ReplyPtr&) UNDER_LOCK;
    // Builds the new row and the answer that shows its credential. false: `refused` has the reason.
    bool mint(const Params&, const Enrolment* old, Enrolment& made, std::string& answer,
              std::string& refused) const;
    void token_new(const std::string& label, ReplyPtr) UNDER_LOCK;
    void jwt_new(const Params&, ReplyPtr) UNDER_LOCK;
    void token_list(ReplyPtr) UNDER_LOCK;
    void token_revoke(const std::string& id, ReplyPtr) UNDER_LOCK;

    // Replies are given outside the lock.
    void ok(const ReplyPtr& reply, std::string json) UNDER_LOCK
    {
        core_.strand.post([reply, json = std::move(json)] { reply->ok(json); });
    }
    void fail(const ReplyPtr& reply, std::string code, std::string message) UNDER_LOCK
    {
        core_.strand.post(
            [reply, code = std::move(code), message = std::move(message)] { reply->fail(code, message); });
    }
    // The callback of a write to the table: runs `then` on success, under the lock, else replies with an
    // error.
    std::function<void(bool)> saved(ReplyPtr, std::function<void()> then);

    Core& core_;
    Credentials& credentials_;
    CredentialTable& tokens_;
    EnrolmentTable& table_;
    EnrolmentBook& book_;
    Registry& registry_;
    Sessions& sessions_;
};

} // namespace agenthost::hub
