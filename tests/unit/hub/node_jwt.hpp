// Tokens and keys created and checked by node's crypto (jwt.mjs).
#pragma once

#include "tests/support/support.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

namespace agenthost::hub_test {

inline std::string node_jwt(const std::string& what, const nlohmann::json& request,
                            const std::string& kind = {})
{
    const auto script = (agenthost::test::source_dir() / "tests/unit/hub/jwt.mjs").string();
    const auto ran = agenthost::test::run({"node", script, what, kind}, {}, request.dump());
    return ran.code == 0 ? ran.out : std::string{};
}

inline std::string node_sign(const std::string& alg, const std::string& key, const nlohmann::json& claims,
                             const nlohmann::json& header = nullptr)
{
    nlohmann::json request{{"alg", alg}, {"key", key}, {"claims", claims}};
    if (!header.is_null()) request["header"] = header;
    std::string token = node_jwt("sign", request);
    EXPECT_NE(token, "") << "node could not sign";
    return token;
}

struct KeyPair {
    std::string secret, open;
};
inline KeyPair node_key(const std::string& kind)
{
    const auto made = nlohmann::json::parse(node_jwt("key", nullptr, kind));
    return {made.at("private"), made.at("public")};
}

} // namespace agenthost::hub_test
