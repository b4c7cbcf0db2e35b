// Payloads of create_server that tests begin with: the document's form, and a Pelican egg file.
#pragma once

#include <nlohmann/json.hpp>

namespace agenthost::docker_test {

inline nlohmann::ordered_json document_payload()
{
    static const auto payload = nlohmann::ordered_json::parse(R"({
        "serverId": "server_123",
        "eggConfig": {
            "name": "minecraft-java",
            "image": "ghcr.io/pelican-eggs/yolks:java_17",
            "ports": {"25565": 25565, "24454/udp": 25454},
            "environment": {"SERVER_JARFILE": "server.jar", "MINECRAFT_VERSION": "1.20.4"},
            "limits": {"memory": "2048m", "cpu": "2", "disk": "5g"},
            "startup": "java -Xms128M -Xmx{{SERVER_MEMORY}}M -jar {{SERVER_JARFILE}}",
            "stop": "stop",
            "done": ")! For help, type ",
            "query": "minecraft",
            "files": {"server.properties": {"parser": "properties",
                "find": {"server-port": "{{server.build.default.port}}"}}},
            "install": {"image": "busybox", "entrypoint": "ash", "script": "#!/bin/ash\r\necho hi\r\n"}
        }})");
    return payload;
}

inline nlohmann::ordered_json egg_payload()
{
    static const auto payload =
        nlohmann::ordered_json::parse(R"({
        "serverId": "server_123",
        "ports": {"25565": 25565},
        "environment": {"SERVER_JARFILE": "paper.jar"},
        "limits": {"memory": "1GB"},
        "eggConfig": {
            "_comment": "DO NOT EDIT", "meta": {"version": "PTDL_v2", "update_url": null},
            "exported_at": "2026-01-01T00:00:00+00:00",
            "name": "Paper", "author": "a@example.com", "description": "A server", "features": ["eula"],
            "docker_images": {"Java 21": "ghcr.io/pelican-eggs/yolks:java_21",
                "Java 17": "ghcr.io/pelican-eggs/yolks:java_17"},
            "file_denylist": [],
            "startup": "java -Xmx{{SERVER_MEMORY}}M -jar {{SERVER_JARFILE}}",
            "config": {
                "files": "{\r\n \"server.properties\": {\"parser\": \"properties\", )"
                                      R"(\"find\": {\"server-ip\": \"0.0.0.0\", )"
                                      R"(\"server-port\": \"{{server.build.default.port}}\"}}}",
                "startup": "{\r\n    \"done\": \")! For help, type \"\r\n}", "logs": "{}",
                "stop": "stop"},
            "scripts": {"installation": {"script": "#!/bin/ash\r\ncd /mnt/server\r\n",
                "container": "ghcr.io/pelican-eggs/installers:alpine", "entrypoint": "ash"}},
            "variables": [
                {"name": "Jar", "description": "d", "env_variable": "SERVER_JARFILE",
                 "default_value": "server.jar", "user_viewable": true, "user_editable": true,
                 "rules": "required|regex:/^([\\w\\d._-]+)(\\.jar)$/", "field_type": "text"},
                {"name": "Build", "description": "d", "env_variable": "BUILD_NUMBER",
                 "default_value": "latest", "user_viewable": true, "user_editable": true,
                 "rules": ["required", "string", "max:20"], "sort": 2}]
        }})");
    return payload;
}

} // namespace agenthost::docker_test
