// Any capability over any protocol: one table, five calls over each of five protocols, each answer in its
// document's shape (node/capabilities.mjs and the protocols' own files beside it).
#include "fixture.hpp"

using namespace agenthost::test;

namespace {

class AnyCapability : public Stage,
                      public testing::WithParamInterface<std::tuple<std::string, std::string>> {};

TEST_P(AnyCapability, BehavesTheSameOverEveryProtocol)
{
    const auto& [protocol, call] = GetParam();
    play({protocol, call, "", ""});
}

INSTANTIATE_TEST_SUITE_P(Table, AnyCapability,
                         testing::Combine(testing::Values("storage", "panel", "print", "dashboard", "signed"),
                                          testing::Values("ping", "info", "work", "failing", "unknown")),
                         [](const auto& info) {
                             return std::get<0>(info.param) + "_" + std::get<1>(info.param);
                         });

} // namespace
