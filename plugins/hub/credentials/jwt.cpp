#include "jwt.hpp"

#include "keys.hpp"

#include "base/base64.hpp"
#include "base/hash.hpp"
#include "base/json_depth.hpp"

#include <jwt.h>
#include <nlohmann/json.hpp>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace agenthost::hub {

namespace {

using nlohmann::json;

constexpr std::size_t max_subject = 256, max_agents = 1'000;
constexpr int min_rsa_bits = 2048; // RFC 7518, 3.3

struct Free {
    void operator()(jwt_t* jwt) const { jwt_free(jwt); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(char* text) const
    {
        std::free(text);
    } // NOLINT(cppcoreguidelines-no-malloc): libjwt's malloc
};
template <class T> using Owned = std::unique_ptr<T, Free>;

const unsigned char* bytes(const std::string& text)
{
    return reinterpret_cast<const unsigned char*>(text.data());
}

// Three parts of base64url, so that the C string passed to libjwt contains no NUL or other unexpected byte.
bool looks_like_a_token(std::string_view token)
{
    if (token.empty() || token.size() > Jwt::max_token || std::count(token.begin(), token.end(), '.') != 2)
        return false;
    return std::all_of(token.begin(), token.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_' || c == '.';
    });
}

std::string base64url(std::string_view raw)
{
    std::string text = base::base64(raw);
    while (text.ends_with('=')) text.pop_back();
    for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
    return text;
}

// libjwt 1.10 compares an HMAC in variable time (CVE-2024-25189), so it is only called for HMACs already
// known to be equal.
bool hmac_fits(std::string_view token, std::string_view secret)
{
    const std::size_t dot = token.rfind('.');
    const auto mac = base::hmac_sha256(secret, token.substr(0, dot));
    return base::equal_constant_time(base64url({reinterpret_cast<const char*>(mac.data()), mac.size()}),
                                     token.substr(dot + 1));
}

bool text_claim(const json& claims, const char* name, std::size_t max_size, std::string& out)
{
    const auto it = claims.find(name);
    if (it == claims.end() || !it->is_string()) return false;
    out = it->get<std::string>();
    return !out.empty() && out.size() <= max_size &&
           std::none_of(out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

// A NumericDate may have a fraction.
std::optional<std::int64_t> date_claim(const json& claims, const char* name)
{
    const auto it = claims.find(name);
    if (it == claims.end() || !it->is_number()) return std::nullopt;
    const double seconds = it->get<double>();
    if (!(seconds >= 0 && seconds < 1e12)) return std::nullopt;
    return static_cast<std::int64_t>(seconds);
}

std::optional<Claims> read_claims(const json& claims, std::string& why)
{
    Claims out;
    const auto fail = [&](std::string what) {
        why = std::move(what);
        return std::nullopt;
    };
    std::string role_name;
    if (!claims.is_object()) return fail("its claims are not an object");
    if (!text_claim(claims, "sub", max_subject, out.sub)) return fail("no usable claim \"sub\"");
    if (!text_claim(claims, "role", 32, role_name)) return fail("no usable claim \"role\"");
    const auto known = role(role_name);
    if (!known) return fail("\"role\" is neither agent, dashboard nor admin");
    out.role = *known;
    const auto exp = date_claim(claims, "exp");
    if (!exp) return fail("no usable claim \"exp\"");
    out.exp = *exp;
    if (claims.contains("iat")) {
        const auto iat = date_claim(claims, "iat");
        if (!iat) return fail("\"iat\" is not a time");
        out.iat = *iat;
    }
    if (claims.contains("jti") && !text_claim(claims, "jti", max_subject, out.jti))
        return fail("\"jti\" is not an id");
    if (const auto list = claims.find("agents"); list != claims.end()) { // null is not "every agent"
        if (!list->is_array() || list->size() > max_agents) return fail("\"agents\" is not a list of ids");
        out.agents.emplace();
        for (const json& id : *list) {
            if (!id.is_string()) return fail("\"agents\" is not a list of ids");
            out.agents->push_back(id.get<std::string>());
        }
    }
    return out;
}

Owned<EVP_PKEY> read_key(const std::string& pem)
{
    const Owned<BIO> bio{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
    // A callback without a passphrase: OpenSSL's default would prompt on the terminal.
    return Owned<EVP_PKEY>{PEM_read_bio_PrivateKey(
        bio.get(), nullptr, [](char*, int, int, void*) { return 0; }, nullptr)};
}

std::string public_pem(EVP_PKEY* key)
{
    const Owned<BIO> bio{BIO_new(BIO_s_mem())};
    char* data = nullptr;
    if (!bio || PEM_write_bio_PUBKEY(bio.get(), key) != 1) return {};
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

} // namespace

Jwt::Jwt(int algorithm, std::string sign, std::string check)
    : algorithm_{algorithm}, sign_{std::move(sign)}, check_{std::move(check)},
      fingerprint_{base::hex(base::sha256(std::string{this->algorithm()} + check_)).substr(0, 16)}
{}

std::string_view Jwt::algorithm() const { return jwt_alg_str(static_cast<jwt_alg_t>(algorithm_)); }

std::shared_ptr<const Jwt> Jwt::of_secret(std::string secret, std::string& why)
{
    if (secret.size() < min_secret) {
        why = "shorter than 32 characters, which HS256 needs. Make one with: openssl rand -hex 32";
        return nullptr;
    }
    std::string same = secret;
    return std::shared_ptr<const Jwt>{new Jwt{JWT_ALG_HS256, std::move(secret), std::move(same)}};
}

std::shared_ptr<const Jwt> Jwt::of_private_key(std::string key, std::string& why)
{
    const Owned<EVP_PKEY> parsed = read_key(key);
    if (!parsed) {
        why = "not a private key in PEM without a passphrase. Make one with: openssl genpkey -algorithm EC "
              "-pkeyopt ec_paramgen_curve:P-256";
        return nullptr;
    }
    char curve[64] = "";
    EVP_PKEY_get_group_name(parsed.get(), curve, sizeof curve, nullptr);
    int algorithm = 0;
    if (EVP_PKEY_is_a(parsed.get(), "RSA") == 1 && EVP_PKEY_get_bits(parsed.get()) >= min_rsa_bits)
        algorithm = JWT_ALG_RS256;
    else if (EVP_PKEY_is_a(parsed.get(), "EC") == 1 && std::string_view{curve} == "prime256v1")
        algorithm = JWT_ALG_ES256;
    std::string check = public_pem(parsed.get());
    if (algorithm == 0 || check.empty()) {
        why = "neither an RSA key of at least 2048 bits (RS256) nor an EC key on P-256 (ES256)";
        return nullptr;
    }
    return std::shared_ptr<const Jwt>{new Jwt{algorithm, std::move(key), std::move(check)}};
}

std::string Jwt::sign(const Claims& claims) const
{
    json grants{
        {"sub", claims.sub}, {"role", to_string(claims.role)}, {"iat", claims.iat}, {"exp", claims.exp}};
    if (!claims.jti.empty()) grants["jti"] = claims.jti;
    if (claims.agents) grants["agents"] = *claims.agents;
    jwt_t* made = nullptr;
    const bool ready = jwt_new(&made) == 0;
    const Owned<jwt_t> jwt{made};
    const std::string text = grants.dump(-1, ' ', false, json::error_handler_t::replace);
    if (!ready || jwt_add_grants_json(made, text.c_str()) != 0 ||
        jwt_set_alg(made, static_cast<jwt_alg_t>(algorithm_), bytes(sign_), static_cast<int>(sign_.size())) !=
            0)
        throw std::runtime_error{"libjwt cannot make a token"};
    const Owned<char> token{jwt_encode_str(made)};
    if (!token) throw std::runtime_error{"libjwt cannot sign a token"};
    return token.get();
}

std::optional<Claims> Jwt::verify(std::string_view token, std::int64_t now_s, std::string& why) const
{
    const auto fail = [&](const char* what) {
        why = what;
        return std::nullopt;
    };
    if (!looks_like_a_token(token)) return fail("not a token");
    const std::string text{token};
    {
        // Reads only the head, without a key, because libjwt would choose the algorithm by the token.
        jwt_t* read = nullptr;
        const bool readable = jwt_decode(&read, text.c_str(), nullptr, 0) == 0;
        const Owned<jwt_t> head{read};
        if (!readable) return fail("not a token");
        const char* named = jwt_get_header(read, "alg"); // without a key jwt_get_alg() returns none
        if (named == nullptr || named != algorithm()) return fail("signed with another algorithm");
        if (Owned<char>{jwt_get_headers_json(read, "crit")})
            return fail("it requires an unsupported extension");
    }
    if (algorithm_ == JWT_ALG_HS256 && !hmac_fits(token, check_)) return fail("wrong signature");
    jwt_t* checked = nullptr;
    const bool fits = jwt_decode(&checked, text.c_str(), bytes(check_), static_cast<int>(check_.size())) == 0;
    const Owned<jwt_t> jwt{checked};
    if (!fits || jwt_get_alg(checked) != static_cast<jwt_alg_t>(algorithm_)) return fail("wrong signature");
    const Owned<char> grants{jwt_get_grants_json(checked, nullptr)};
    if (!grants) return fail("its claims are not an object");
    const json parsed = base::parse_json<json>(grants.get());
    auto claims = read_claims(parsed, why);
    if (!claims) return std::nullopt;
    if (claims->exp <= now_s) return fail("expired");
    if (parsed.contains("nbf")) {
        const auto from = date_claim(parsed, "nbf");
        if (!from || *from > now_s) return fail("not valid yet");
    }
    return claims;
}

} // namespace agenthost::hub
