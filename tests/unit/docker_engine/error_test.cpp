#include "plugins/docker/engine/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

namespace {

using namespace agenthost::docker::engine;

const CallContext context{"/run/docker.sock", "create container agenthost-7", false};

Cause cause(int status, const std::string& message)
{
    return error_of_reply(context, status, "{\"message\":\"" + message + "\"}").cause;
}

TEST(EngineError, SaysWhatWhereAndWhatToDo)
{
    const auto error = error_of_reply(context, 404, R"({"message":"No such image: game:1"})");
    EXPECT_EQ(error.cause, Cause::no_such_image);
    EXPECT_EQ(error.status, 404);
    EXPECT_EQ(error.engine_message, "No such image: game:1");
    EXPECT_EQ(error.text,
              "docker engine on /run/docker.sock: create container agenthost-7: No such image: game:1. "
              "Pull the image first, or correct its name.");
}

TEST(EngineError, NamesTheCause)
{
    EXPECT_EQ(cause(404, "No such container: x"), Cause::not_found);
    EXPECT_EQ(cause(404, "page not found"), Cause::unsupported);
    EXPECT_EQ(cause(409, "Conflict. The container name \\\"/x\\\" is already in use"), Cause::conflict);
    EXPECT_EQ(cause(409, "Container x is not running"), Cause::conflict);
    // Podman answers 500.
    EXPECT_EQ(
        cause(500, "can only kill running containers. c28e is in state exited: container state improper"),
        Cause::conflict);
    EXPECT_EQ(
        cause(500, "the container name \\\"game\\\" is already in use by dd07: that name is already in use"),
        Cause::conflict);
    EXPECT_EQ(cause(500,
                    "driver failed programming external connectivity: Bind for 0.0.0.0:25565 failed: port is "
                    "already allocated"),
              Cause::port_in_use);
    EXPECT_EQ(cause(500, "listen tcp4 0.0.0.0:25565: bind: address already in use"), Cause::port_in_use);
    EXPECT_EQ(cause(500, "write /x: no space left on device"), Cause::no_space);
    EXPECT_EQ(cause(500, "pull access denied for x, repository does not exist or may require 'docker login'"),
              Cause::unauthorised);
    EXPECT_EQ(cause(500, "Get https://r.example: unauthorized: incorrect username or password"),
              Cause::unauthorised);
    EXPECT_EQ(cause(500, "toomanyrequests: You have reached your pull rate limit"), Cause::rate_limited);
    EXPECT_EQ(cause(429, "slow down"), Cause::rate_limited);
    EXPECT_EQ(cause(500, "Get https://r.example/v2/: dial tcp: lookup r.example: no such host"),
              Cause::registry_unreachable);
    EXPECT_EQ(cause(404, "manifest for game:9 not found: manifest unknown"), Cause::no_such_image);
    EXPECT_EQ(cause(400, "client version 1.47 is too new. Maximum supported API version is 1.41"),
              Cause::version);
    EXPECT_EQ(cause(400, "client version 1.24 is too old. Minimum supported API version is 1.44"),
              Cause::version);
    EXPECT_EQ(cause(400, "invalid port"), Cause::refused);
    EXPECT_EQ(cause(403, "Forbidden"), Cause::forbidden);
    EXPECT_EQ(cause(500, "something else"), Cause::engine_failed);
}

TEST(EngineError, NamesTheSettingForAnInitProgramThatIsMissing)
{
    for (const char* message :
         {"container create: container-init binary not found on the host: stat "
          "/usr/libexec/podman/catatonit: "
          "no such file or directory",
          "OCI runtime create failed: exec: docker-init: executable file not found in $PATH: unknown"}) {
        const Error error = error_of_reply({"/e.sock", "create container x", true}, 500,
                                           std::string{"{\"message\":\""} + message + "\"}");
        EXPECT_NE(error.text.find("set the docker plugin's init to false"), std::string::npos) << error.text;
    }
}

TEST(EngineError, ReadsBodiesThatAreNotJson)
{
    EXPECT_EQ(engine_message("404 page not found\n"), "404 page not found");
    EXPECT_EQ(engine_message(R"({"cause":"no such container","response":404})"), "no such container");
    EXPECT_EQ(engine_message(R"({"message":7})"), "");
    EXPECT_EQ(engine_message("a\x1b[2Jb"), "a?[2Jb");
    EXPECT_EQ(engine_message(std::string(100'000, '[')).size(), max_engine_message);
    EXPECT_EQ(
        error_of_reply(context, 500, "").text,
        "docker engine on /run/docker.sock: create container agenthost-7: status 500. See the engine's log "
        "(journalctl -u docker, or -u podman).");
}

TEST(EngineError, TellsWhetherTheEngineMayHaveActed)
{
    EXPECT_FALSE(error_of_connect(context, ENOENT).sent);
    EXPECT_EQ(error_of_connect(context, ENOENT).cause, Cause::unreachable);
    EXPECT_EQ(error_of_connect(context, EACCES).cause, Cause::forbidden);
    EXPECT_NE(error_of_connect(context, EACCES).text.find("socket's group"), std::string::npos);
    EXPECT_TRUE(error_of_timeout(context, std::chrono::seconds{15}, true).sent);
    EXPECT_NE(error_of_timeout(context, std::chrono::seconds{15}, true).text.find("15 s"), std::string::npos);
    EXPECT_FALSE(error_of_queue(context, 256).sent);
}

TEST(EngineError, HasANameForEachCause)
{
    for (int cause = 0; cause <= static_cast<int>(Cause::engine_failed); ++cause)
        EXPECT_GT(std::string{to_string(static_cast<Cause>(cause))}.size(), 3u);
    EXPECT_STREQ(to_string(Cause::engine_failed), "engine_failed");
    EXPECT_STREQ(to_string(Cause::port_in_use), "port_in_use");
}

} // namespace
