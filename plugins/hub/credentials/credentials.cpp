#include "credentials.hpp"

#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdint>

namespace agenthost::hub {

namespace {

constexpr std::size_t max_file = 16 << 20; // 100,000 agents at 160 bytes each

bool same(const base::Sha256Digest& a, const base::Sha256Digest& b)
{
    return base::equal_constant_time({reinterpret_cast<const char*>(a.data()), a.size()},
                                     {reinterpret_cast<const char*>(b.data()), b.size()});
}

} // namespace

void Credentials::count(const Enrolment& e, bool add)
{
    if (e.id.empty()) return;
    std::size_t& n = e.stone() ? counts_.stones : e.foreign ? counts_.foreign : counts_.ours;
    add ? ++n : --n;
}

void Credentials::put(Enrolment enrolment)
{
    remove_agent(enrolment.id);
    last_version_ = std::max(last_version_, enrolment.version);
    count(enrolment, true);
    auto id = enrolment.id;
    enrolled_.emplace(std::move(id), std::move(enrolment));
}

void Credentials::put(MintedToken token)
{
    auto id = token.id;
    tokens_.insert_or_assign(std::move(id), std::move(token));
}

void Credentials::put(MintedJwt jwt)
{
    auto jti = jwt.jti;
    jwts_.insert_or_assign(std::move(jti), std::move(jwt));
}

void Credentials::remove_agent(std::string_view id)
{
    const auto it = enrolled_.find(id);
    if (it == enrolled_.end()) return;
    count(it->second, false);
    enrolled_.erase(it);
}

void Credentials::remove_token(std::string_view id)
{
    if (const auto it = tokens_.find(id); it != tokens_.end()) tokens_.erase(it);
}

void Credentials::remove_jwt(std::string_view jti)
{
    if (const auto it = jwts_.find(jti); it != jwts_.end()) jwts_.erase(it);
}

bool Credentials::admits(std::string_view id, const Proof& proof, std::int64_t now_ms) const
{
    static const base::Sha256Digest nobody = base::sha256(base::random_token());
    const Enrolment* enrolled = enrolment(id);
    switch (proof.kind) {
    case Proof::Kind::trust:
        return trust_shops_ && enrolled == nullptr && !listed_.contains(id) && !reserved_.contains(id) &&
               !foreign_full();
    case Proof::Kind::secret: {
        const auto listed = listed_.find(id);
        const bool by_list = same(listed == listed_.end() ? nobody : listed->second.digest, proof.secret);
        const bool minted = enrolled != nullptr && enrolled->secret;
        const bool by_mint = same(minted ? *enrolled->secret : nobody, proof.secret);
        return (by_list || by_mint) && !revoked(id);
    }
    case Proof::Kind::jwt:
        return jwt_ && jwt_->fingerprint() == proof.key && proof.expires * 1000 > now_ms &&
               !denied(proof.jti) && !revoked(id) && !issued_too_early(enrolled, proof.issued);
    }
    return false;
}

bool Credentials::issued_too_early(const Enrolment* enrolled, std::int64_t issued) const
{
    if (enrolled != nullptr && issued < enrolled->valid_from) return true;
    const bool ours = enrolled != nullptr && !enrolled->foreign && !enrolled->stone();
    return !ours && issued < floor();
}

std::int64_t Credentials::floor() const
{
    const Enrolment* others = enrolment("");
    return others == nullptr ? 0 : others->valid_from;
}

std::optional<std::pair<std::string, Proof>> Credentials::by_jwt(std::string_view token, std::int64_t now_ms,
                                                                 std::string& why) const
{
    const auto fail = [&](const char* what) {
        why = what;
        return std::nullopt;
    };
    if (!jwt_) return fail("no key for JWTs");
    auto claims = jwt_->verify(token, now_ms / 1000, why);
    if (!claims) return std::nullopt;
    if (claims->role != Role::agent) return fail("its role is not agent");
    Proof proof{.kind = Proof::Kind::jwt,
                .issued = claims->iat,
                .expires = claims->exp,
                .jti = std::move(claims->jti),
                .key = jwt_->fingerprint()};
    if (!admits(claims->sub, proof, now_ms)) return fail("revoked or replaced");
    return std::pair{std::move(claims->sub), std::move(proof)};
}

std::optional<std::string> Credentials::secret_of(std::string_view agent) const
{
    if (revoked(agent)) return std::nullopt;
    // A minted credential takes precedence over the file, because it is newer.
    if (const Enrolment* e = enrolment(agent);
        e != nullptr && e->secret && !e->salt.empty() && root_ != nullptr) {
        std::string secret = derived_secret(agent, e->salt);
        if (same(base::sha256(secret), *e->secret)) return secret;
    }
    const auto listed = listed_.find(agent);
    if (listed == listed_.end()) return std::nullopt;
    return listed->second.secret;
}

std::string Credentials::derived_secret(std::string_view agent, std::string_view salt) const
{
    return root_->derive("agent secret", agent, salt);
}

const Enrolment* Credentials::enrolment(std::string_view agent) const
{
    const auto it = enrolled_.find(agent);
    return it == enrolled_.end() ? nullptr : &it->second;
}

bool Credentials::knows(std::string_view agent) const
{
    const Enrolment* enrolled = enrolment(agent);
    return !revoked(agent) && (listed_.contains(agent) || (enrolled != nullptr && !enrolled->stone()));
}

bool Credentials::revoked(std::string_view agent) const
{
    const Enrolment* enrolled = enrolment(agent);
    return enrolled != nullptr && enrolled->revoked;
}

bool Credentials::denied(std::string_view jti) const
{
    const auto it = jwts_.find(jti);
    return it != jwts_.end() && it->second.revoked;
}

std::optional<Caller> Credentials::caller(std::string_view bearer, std::int64_t now_ms) const
{
    if (bearer.empty()) return std::nullopt;
    const base::Sha256Digest given = base::sha256(bearer);
    std::optional<Caller> found;
    if (admin_ && same(*admin_, given)) found = Caller{.role = Role::admin, .subject = "admin"};
    for (const auto& [id, token] : tokens_) {
        if (same(token.token, given)) found = Caller{.role = Role::admin, .subject = id};
    }
    if (found || !jwt_) return found;
    std::string why;
    auto claims = jwt_->verify(bearer, now_ms / 1000, why);
    if (!claims || denied(claims->jti)) return std::nullopt;
    if (claims->role == Role::agent) {
        const Proof proof{.kind = Proof::Kind::jwt,
                          .issued = claims->iat,
                          .expires = claims->exp,
                          .jti = claims->jti,
                          .key = jwt_->fingerprint()};
        if (!admits(claims->sub, proof, now_ms)) return std::nullopt;
    }
    return Caller{.role = claims->role,
                  .subject = std::move(claims->sub),
                  .agents = std::move(claims->agents),
                  .expires = claims->exp * 1000};
}

bool Credentials::may_register(std::string_view bearer, std::int64_t now_ms) const
{
    if (enroll_) return !bearer.empty() && same(*enroll_, base::sha256(bearer));
    const auto found = caller(bearer, now_ms);
    return found && found->role == Role::admin;
}

std::optional<Credentials::Listed> parse_credentials(const std::string& yaml, const std::string& path,
                                                     std::string& why)
{
    why.clear(); // checked below, and may still contain a caller's old text
    Credentials::Listed listed;
    try {
        const YAML::Node root = YAML::Load(yaml);
        const YAML::Node agents = root.IsMap() ? root["agents"] : YAML::Node{};
        if (root.IsNull()) return listed;
        if (!agents || !agents.IsSequence()) {
            why = path + ": no list \"agents\". Write: agents: [{id: node-01, secret: \"...\"}]";
            return std::nullopt;
        }
        for (const YAML::Node& entry : agents) {
            const std::string where = path + ":" + std::to_string(entry.Mark().line + 1) + ": ";
            if (!entry.IsMap() || !entry["id"] || !entry["secret"]) {
                why = where + "an agent needs \"id\" and \"secret\"";
                return std::nullopt;
            }
            const auto id = entry["id"].as<std::string>();
            const auto secret = entry["secret"].as<std::string>();
            if (!valid_id(id))
                why = where +
                      "\"id\" is empty, longer than 128 bytes, or has a slash or control character in it";
            else if (secret.size() < Credentials::min_secret)
                why = where + "the secret of " + id +
                      " is shorter than 8 characters; make one with: openssl rand -hex 32";
            else if (!listed.emplace(id, Credentials::Listing{secret, base::sha256(secret)}).second)
                why = where + id + " is listed twice";
            if (!why.empty()) return std::nullopt;
        }
    } catch (const YAML::Exception& e) {
        // The parser's message may quote a line with a secret.
        why = path + ":" + std::to_string(e.mark.line + 1) + ": not readable as YAML";
        return std::nullopt;
    }
    return listed;
}

std::string too_short(std::string_view token)
{
    return token.size() < Credentials::min_secret
               ? "shorter than 8 characters. Make one with: openssl rand -hex 32"
               : "";
}

std::optional<Credentials::Listed> read_credentials_file(const std::string& path, std::string& why)
{
    const auto content = base::read_private_file(path, max_file, why);
    return content ? parse_credentials(*content, path, why) : std::nullopt;
}

std::string fingerprint(const std::string& path)
{
    struct stat st {};
    if (path.empty() || ::stat(path.c_str(), &st) != 0) return {};
    std::string out;
    for (const auto part :
         {std::uint64_t{st.st_dev}, std::uint64_t{st.st_ino}, std::uint64_t(st.st_size),
          std::uint64_t(st.st_mode), std::uint64_t(st.st_mtim.tv_sec), std::uint64_t(st.st_mtim.tv_nsec),
          std::uint64_t(st.st_ctim.tv_sec), std::uint64_t(st.st_ctim.tv_nsec)}) {
        out += std::to_string(part) + ".";
    }
    return out;
}

} // namespace agenthost::hub
