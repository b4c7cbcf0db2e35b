#include "agent_credentials.hpp"

#include "digest.hpp"

namespace agenthost::hub {

bool AgentCredentials::admits(std::string_view id, const Proof& proof, std::int64_t now_ms) const
{
    static const base::Sha256Digest nobody = base::sha256(base::random_token());
    const Enrolment* enrolled = enrolment(id);
    switch (proof.kind) {
    case Proof::Kind::trust: return trusts(id);
    case Proof::Kind::secret: {
        const auto listed = listed_.find(id);
        const bool by_list =
            same_digest(listed == listed_.end() ? nobody : listed->second.digest, proof.secret);
        const bool minted = enrolled != nullptr && enrolled->secret;
        const bool by_mint = same_digest(minted ? *enrolled->secret : nobody, proof.secret);
        return (by_list || by_mint) && !enrolments_.revoked(id);
    }
    case Proof::Kind::jwt:
        return jwt_ && jwt_->fingerprint() == proof.key && proof.expires * 1000 > now_ms &&
               !minted_.denied(proof.jti) && !enrolments_.revoked(id) &&
               !issued_too_early(enrolled, proof.issued);
    }
    return false;
}

bool AgentCredentials::trusts(std::string_view id) const
{
    return trust_shops_ && enrolment(id) == nullptr && !listed_.contains(id) && !enrolments_.reserved(id) &&
           !enrolments_.foreign_full();
}

bool AgentCredentials::may_admit(std::string_view agent) const { return knows(agent) || trusts(agent); }

bool AgentCredentials::issued_too_early(const Enrolment* enrolled, std::int64_t issued) const
{
    if (enrolled != nullptr && issued < enrolled->valid_from) return true;
    const bool ours = enrolled != nullptr && !enrolled->foreign && !enrolled->is_tombstone();
    return !ours && issued < enrolments_.floor();
}

Proof AgentCredentials::proof_of(const Claims& claims) const
{
    return {.kind = Proof::Kind::jwt,
            .issued = claims.iat,
            .expires = claims.exp,
            .jti = claims.jti,
            .key = jwt_->fingerprint()};
}

std::optional<std::pair<std::string, Proof>>
AgentCredentials::by_jwt(std::string_view token, std::int64_t now_ms, std::string& why) const
{
    const auto fail = [&](const char* what) {
        why = what;
        return std::nullopt;
    };
    if (!jwt_) return fail("no key for JWTs");
    auto claims = jwt_->verify(token, now_ms / 1000, why);
    if (!claims) return std::nullopt;
    if (claims->role != Role::agent) return fail("its role is not agent");
    Proof proof = proof_of(*claims);
    if (!admits(claims->sub, proof, now_ms)) return fail("revoked or replaced");
    return std::pair{std::move(claims->sub), std::move(proof)};
}

std::optional<std::string> AgentCredentials::secret_of(std::string_view agent) const
{
    if (enrolments_.revoked(agent)) return std::nullopt;
    // A minted credential takes precedence over the file, because it is newer.
    if (const Enrolment* e = enrolment(agent);
        e != nullptr && e->secret && !e->salt.empty() && root_ != nullptr) {
        std::string secret = derived_secret(agent, e->salt);
        if (same_digest(base::sha256(secret), *e->secret)) return secret;
    }
    const auto listed = listed_.find(agent);
    if (listed == listed_.end()) return std::nullopt;
    return listed->second.secret;
}

std::string AgentCredentials::derived_secret(std::string_view agent, std::string_view salt) const
{
    return root_->derive("agent secret", agent, salt);
}

bool AgentCredentials::knows(std::string_view agent) const
{
    const Enrolment* enrolled = enrolment(agent);
    return !enrolments_.revoked(agent) &&
           (listed_.contains(agent) || (enrolled != nullptr && !enrolled->is_tombstone()));
}

} // namespace agenthost::hub
