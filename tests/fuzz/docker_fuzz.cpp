// The docker plugin's reading of payloads, images, startup lines and regular expressions, against arbitrary
// bytes: never crashes, never runs long, refuses only with CONFIG_INVALID, and whatever passes keeps the
// promises of a body. The first byte says what is read.
#include "tests/unit/docker/spec/invariants.hpp"

#include "plugins/docker/spec/pattern.hpp"
#include "plugins/docker/spec/read_back.hpp"
#include "plugins/docker/spec/template.hpp"

#include <agenthost/error.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

using namespace agenthost::docker;

namespace docker_fuzz {

void demand(bool holds, const char* what)
{
    if (holds) return;
    std::fprintf(stderr, "broken promise: %s\n", what);
    std::abort();
}

void read_image(const std::string& text)
{
    const ImageRef image = parse_image(text, "image");
    demand(parse_image(image.canonical(), "image") == image, "the canonical form is the same image");
    demand(image.registry.find('/') == std::string::npos, "a registry has no path");
    ImageAllowList list;
    list.add("ghcr.io/pelican-eggs/**", "allow_images[0]");
    demand(!list.allows(image) || image.canonical().starts_with("ghcr.io/pelican-eggs/"),
           "an allowed image is of this registry");
}

void read_pattern(const std::string& text)
{
    const auto line = text.find('\n');
    std::string why;
    const auto pattern = Pattern::compile(text.substr(0, line), false, why);
    demand(pattern.has_value() == why.empty(), "a refusal says why");
    if (pattern && line != std::string::npos)
        (void)pattern->found_in(std::string_view{text}.substr(line + 1));
}

void read_startup(const std::string& text)
{
    const TemplateValues values{{{"A", "x y"}, {"B", "it's $(id)"}, {"SERVER_PORT", "1"}}, {}};
    for (const std::string& argument : fill_arguments(text, values, "startup"))
        demand(argument.size() <= max_filled_bytes, "an argument is bounded");
}

void read_shell(const std::string& text)
{
    const TemplateValues values{{{"A", "x y"}, {"B", "it's $(id)"}, {"SERVER_PORT", "1"}}, {}};
    demand(fill_shell(text, values, "startup").size() <= max_filled_bytes, "a line is bounded");
}

void read_payload(const std::string& text)
{
    static const NodePolicy policy = agenthost::docker_test::test_policy();
    demand(agenthost::docker_test::violations_of(text, policy).empty(), "a body keeps its promises");
}

void read_inspect(const std::string& text)
{
    for (const std::string& sentence : read_back(R"({"HostConfig":{"Memory":1}})", text))
        demand(!sentence.empty() && sentence.size() < 1000, "a sentence is bounded");
}

} // namespace docker_fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0) return 0;
    const std::string text{reinterpret_cast<const char*>(data + 1), size - 1};
    try {
        switch (data[0]) {
        case 'i': docker_fuzz::read_image(text); break;
        case 'r': docker_fuzz::read_pattern(text); break;
        case 't': docker_fuzz::read_startup(text); break;
        case 's': docker_fuzz::read_shell(text); break;
        case 'b': docker_fuzz::read_inspect(text); break;
        default: docker_fuzz::read_payload(text);
        }
    } catch (const agenthost::Error& error) {
        docker_fuzz::demand(error.code() == "CONFIG_INVALID" && error.what()[0] != '\0',
                            "a refusal has the code CONFIG_INVALID and a text");
    }
    return 0;
}
