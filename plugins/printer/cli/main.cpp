// agenthost print ...: the printer plugin's own verb.
#include "verbs.hpp"

#include "base/suggestion.hpp"
#include "base/visible.hpp"

#include <algorithm>
#include <exception>
#include <iostream>
#include <string_view>
#include <vector>

namespace {

using namespace agenthost::printer::cli;

int help()
{
    std::cout << "usage: agenthost print VERB ...\n";
    for (const Verb& verb : verbs()) std::cout << "       agenthost print " << verb.usage;
    std::cout << "exit codes: 0 ok, 1 it failed, 2 usage\n";
    return 0;
}

std::string known_verbs()
{
    std::string all;
    for (const Verb& verb : verbs()) all += (all.empty() ? "" : ", ") + std::string{verb.name};
    return all;
}

int run(const std::vector<std::string>& words)
{
    const bool wants_help =
        std::ranges::any_of(words, [](const std::string& word) { return word == "--help" || word == "-h"; });
    if (wants_help) return help();
    if (words.empty()) throw Usage{"a verb is missing: " + known_verbs()};
    const auto verb = std::ranges::find(verbs(), words[0], &Verb::name);
    if (verb == verbs().end()) {
        std::vector<std::string_view> names;
        for (const Verb& known : verbs()) names.push_back(known.name);
        const std::string meant = agenthost::base::did_you_mean(words[0], names);
        throw Usage{"unknown verb \"" + words[0] + '"' +
                    (meant.empty() ? "; known are " + known_verbs() : meant)};
    }
    return verb->run(Arguments{{words.begin() + 1, words.end()}});
}

} // namespace

int main(int argc, char** argv)
{
    try {
        return run({argv + std::min(argc, 1), argv + argc});
    } catch (const Usage& e) {
        std::cerr << "agenthost print: " << agenthost::base::visible_lines(e.what())
                  << "\nagenthost print --help shows everything\n";
        return 2;
    } catch (const std::exception& e) {
        std::cerr << "agenthost print: " << agenthost::base::visible_lines(e.what()) << "\n";
        return 1;
    }
}
