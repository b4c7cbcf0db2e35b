#include "cli.hpp"

#include "print.hpp"
#include "verbs.hpp"

#include "host/config/defaults.hpp"
#include "host/config/tables.hpp"
#include "host/config/units.hpp"
#include "host/plugin/plugin.hpp"

#include "base/suggestion.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <clocale>
#include <set>

namespace agenthost::host {

using namespace cli;

namespace {

constexpr const char* introduction =
    "agenthost connects to your servers and runs their requests through plugins.\n\n"
    "First steps:\n"
    "  agenthost config check            check the configuration (/etc/agenthost/agenthost.yaml)\n"
    "  agenthost doctor                  check this machine and every server\n"
    "  agenthost run                     run in this terminal; as a service: systemctl start agenthost\n"
    "  agenthost status                  show sessions, plugins and running work\n"
    "  agenthost plugin list             list the installed plugins\n"
    "  agenthost call host.actions       run an action\n";

// Everything the command line can contain.
struct Arguments {
    Context context;
    std::vector<std::string> overrides;
    std::string file;
    bool version_flag = false;
    CallOptions call;
    std::string timeout, name, plugin, network_timeout = "5s";
    ImportOptions import;
};

struct Parser {
    CLI::App app{introduction, "agenthost"};
    Arguments args;
    std::function<int()> chosen; // the verb's function

    explicit Parser(const CliHooks& hooks)
    {
        app.require_subcommand(0, 1);
        app.add_option("-c,--config", args.file,
                       "The configuration file. Default: $AGENTHOST_CONFIG, /etc/agenthost/agenthost.yaml")
            ->type_name("FILE");
        app.add_option("-o", args.overrides,
                       "Set one key, overriding file and environment, e.g. -o log.level=debug; repeatable")
            ->type_name("SECTION.KEY=VALUE")
            ->allow_extra_args(false);
        app.add_option("--control-socket", args.context.control,
                       "The daemon's socket. Default: $AGENTHOST_CONTROL, the configuration's")
            ->type_name("PATH");
        app.add_flag("--json", args.context.json, "Print JSON, for scripts");
        app.add_flag("--version", args.version_flag, "Print the version");
        app.footer([this] { return footer(); });
        verb("run", "Run the daemon in the foreground", [this, &hooks] { return run(hooks); });
        add_config();
        add_plugin();
        verb("status", "Show sessions, listeners, plugins and running work",
             [this] { return status(args.context); });
        add_call();
        verb("reload", "Reload the configuration; one with errors changes nothing",
             [this] { return reload(args.context); });
        verb("health", "Print current problems; exit 0 only if healthy and ready",
             [this] { return health(args.context); });
        add_doctor();
        CLI::App* again = verb("reconnect", "Connect to a server now, without waiting for its backoff",
                               [this] { return reconnect(args.context, args.name); });
        again->add_option("NAME", args.name, "The server's name in the configuration")->required();
        verb("register", "Register with a server that issues tokens (panel); replaces the current ones",
             [this] { return register_server(args.context, args.name); })
            ->add_option("NAME", args.name, "The server's name in the configuration")
            ->required();
        verb("version", "Print version and plugin ABI", [this] { return version(args.context); });
    }

    CLI::App* verb(const char* name, const char* what, std::function<int()> action,
                   CLI::App* parent = nullptr)
    {
        CLI::App* sub = (parent ? parent : &app)->add_subcommand(name, what);
        sub->fallthrough(); // common options may follow the verb
        if (action) sub->callback([this, action = std::move(action)] { chosen = action; });
        return sub;
    }

    void add_config()
    {
        CLI::App* config = verb("config", "Check, show or import configuration", nullptr);
        config->require_subcommand(1);
        verb(
            "check", "Report every error with file:line:column and a suggestion; exit 78 if there is one",
            [this] { return config_check(args.context); }, config);
        verb(
            "show", "Print the effective configuration from all sources, without secrets",
            [this] { return config_show(args.context); }, config);
        verb(
            "schema", "Print a JSON Schema of the file, for editors", [] { return config_schema_verb(); },
            config);
        CLI::App* import = verb(
            "import", "Import a server of the signed protocol from JSON: {wsApiUrl, wsSecret}",
            [this] {
                if (conf::is_name(args.import.name)) return config_import(args.context, args.import);
                print_error("--name: letters, digits, \".\", \"_\" and \"-\" only, first a letter or digit");
                return usage;
            },
            config);
        import->add_option("FILE", args.import.file, "The JSON")->required();
        import->add_option("--name", args.import.name, "The server's name")->capture_default_str();
        import->add_flag("--add", args.import.add,
                         "Write the server into conf.d instead of printing its section");
        import->add_flag("--replace", args.import.replace, "Overwrite an existing server of this name");
    }

    void add_plugin()
    {
        CLI::App* plugin = verb("plugin", "Inspect installed plugins", nullptr);
        plugin->require_subcommand(1);
        verb(
            "list", "List installed, enabled and running plugins",
            [this] { return plugin_list(args.context); }, plugin);
        verb(
            "info", "Show a plugin's actions, parameters and configuration",
            [this] { return plugin_info(args.context, args.plugin); }, plugin)
            ->add_option("ID", args.plugin, "The plugin's id, as shown by `agenthost plugin list`")
            ->required();
        verb(
            "check", "Check whether a plugin can be loaded: permissions, ABI, manifest, configuration",
            [this] { return plugin_check(args.context, args.plugin); }, plugin)
            ->add_option("ID|FILE", args.plugin, "Default: all installed plugins");
    }

    void add_call()
    {
        CLI::App* sub = verb("call", "Run an action of a plugin; Ctrl-C cancels it", [this] {
            if (args.timeout.empty()) return call(args.context, args.call);
            std::string why;
            args.call.timeout = conf::parse_duration(args.timeout, why);
            if (args.call.timeout && args.call.timeout->count() > 0) return call(args.context, args.call);
            print_error("--timeout: expected " + why + ", not \"" + args.timeout + '"');
            return usage;
        });
        sub->add_option("ACTION", args.call.action,
                        "PLUGIN.VERB, e.g. host.actions; `agenthost plugin info PLUGIN` lists a plugin's")
            ->required();
        sub->add_option(
            "JSON", args.call.params,
            "Its parameters: '{\"key\": \"value\"}', @FILE, or - for standard input. Default: {}");
        sub->add_option("--timeout", args.timeout, "Give up after this long, e.g. 30s or 5m")
            ->type_name("DURATION");
        sub->add_option("--id", args.call.id,
                        "A second call with the same id returns the first result; an action with effects "
                        "does not run twice");
        sub->add_flag("-q,--quiet", args.call.quiet, "No progress bar");
        sub->footer("Output of the action goes to stdout, its errors to stderr, then the result as JSON. "
                    "Exit 0 ok, 1 error.");
    }

    void add_doctor()
    {
        CLI::App* sub =
            verb("doctor", "Check files, clock, DNS, TLS, disk and every server; needs no daemon", [this] {
                std::string why;
                const auto network_timeout = conf::parse_duration(args.network_timeout, why);
                if (network_timeout && network_timeout->count() > 0)
                    return doctor(args.context, *network_timeout);
                print_error("--timeout: expected " + why + ", not \"" + args.network_timeout + '"');
                return usage;
            });
        sub->add_option("--timeout", args.network_timeout, "Timeout of each network step")
            ->type_name("DURATION")
            ->capture_default_str();
        sub->footer("Each line is OK, WARN or FAIL with the remedy. Exit 0 if nothing fails, 1 if "
                    "something fails, 78 if the configuration is invalid.");
    }

    bool knows(const std::string& name) const
    {
        return !app.get_subcommands([&](const CLI::App* sub) { return sub->get_name() == name; }).empty();
    }

    std::string footer() const
    {
        std::string out;
        std::string verbs;
        for (const std::string& name : foreign_verbs(args.context.plugin_path())) verbs += "  " + name + "\n";
        if (!verbs.empty()) out += "Verbs of plugins (agenthost VERB --help):\n" + verbs + "\n";
        return out + "Exit codes: 0 ok, 1 failed, 2 wrong usage, 78 invalid configuration. Manual: man "
                     "agenthost, man agenthost.yaml";
    }

    // Empty, or the error in an -o.
    std::string finish()
    {
        args.context.load.file = args.file;
        args.context.load.plugins = known_plugins; // allow and map are compared with what is installed
        for (const std::string& text : args.overrides) {
            const auto equals = text.find('=');
            if (equals == std::string::npos || equals == 0)
                return "-o " + text + ": write -o section.key=value, e.g. -o log.level=debug";
            args.context.load.overrides.emplace_back(text.substr(0, equals), text.substr(equals + 1));
        }
        return {};
    }

    int run(const CliHooks& hooks)
    {
        if (!hooks.run) {
            print_error("this build has no daemon");
            return failed;
        }
        LoadRequest load = args.context.load;
        if (!args.context.control.empty())
            load.overrides.emplace_back("control.socket", args.context.control);
        RunOptions options;
        for (const auto& folder : default_plugin_path()) options.plugin_path.push_back(folder.string());
        options.runner = default_runner().string();
        return hooks.run(std::move(load), std::move(options));
    }
};

// The index of the first word that is a verb: neither an option nor an option's value. argc when there is
// none.
int find_verb(int argc, char** argv)
{
    static const std::set<std::string_view> with_value{"-c", "--config", "-o", "--control-socket"};
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (!word.starts_with('-')) return i;
        if (with_value.contains(word)) ++i;
    }
    return argc;
}

// "config chekc": the unknown word below a verb. Empty: that is not the error.
std::string unknown_below(const CLI::App& verb, int argc, char** argv)
{
    const auto all = verb.get_subcommands([](const CLI::App*) { return true; });
    const int next = find_verb(argc, argv) + 1;
    if (all.empty() || !verb.get_subcommands().empty() || next >= argc || argv[next][0] == '-') return {};
    std::vector<std::string> known;
    for (const CLI::App* one : all) known.push_back(one->get_name());
    return "unknown verb \"" + verb.get_name() + " " + printable(argv[next]) + '"' +
           base::did_you_mean(argv[next], known);
}

int parse(Parser& parser, int argc, char** argv, int& code)
{
    try {
        parser.app.parse(argc, argv);
        return true;
    } catch (const CLI::CallForHelp& e) {
        if (const std::string bad = parser.finish(); !bad.empty())
            print_error(bad); // so that the footer knows -c
        code = parser.app.exit(e);
    } catch (const CLI::Success& e) {
        code = parser.app.exit(e);
    } catch (const CLI::ParseError& e) {
        std::string hint = "agenthost --help", what = e.what();
        for (const CLI::App* sub : parser.app.get_subcommands()) {
            hint = "agenthost " + sub->get_name() + " --help";
            if (std::string wrong = unknown_below(*sub, argc, argv); !wrong.empty()) what = std::move(wrong);
            for (const CLI::App* below : sub->get_subcommands())
                hint = "agenthost " + sub->get_name() + " " + below->get_name() + " --help";
        }
        print_error(what + (what.ends_with('?') ? " See: " : ". See: ") + hint);
        code = usage;
    }
    return false;
}

int unknown_verb(Parser& parser, const std::string& verb)
{
    std::vector<std::string> known = foreign_verbs(parser.args.context.plugin_path());
    for (const CLI::App* sub : parser.app.get_subcommands([](const CLI::App*) { return true; }))
        known.push_back(sub->get_name());
    const std::string near = base::did_you_mean(verb, known);
    print_error(
        "unknown verb \"" + printable(verb) + '"' +
        (near.empty() ? ". Verbs: agenthost --help; a plugin's own verb comes with its package" : near));
    return usage;
}

} // namespace

int cli_main(int argc, char** argv, const CliHooks& hooks)
{
    try {
        Parser parser{hooks};
        int code = ok;
        std::string help = "--help";
        std::vector<char*> words{argv, argv + argc};
        if (const int at = find_verb(argc, argv);
            at < argc && std::string_view{argv[at]} == "help") { // "help call" as "call --help"
            words.erase(words.begin() + at);
            words.push_back(help.data());
            argv = words.data();
            argc = static_cast<int>(words.size());
        }
        const int at = find_verb(argc, argv);
        const std::string verb = at < argc ? argv[at] : "";
        if (!verb.empty() && !parser.knows(verb)) {
            if (!parse(parser, at, argv, code)) return code;
            if (const std::string bad = parser.finish(); !bad.empty()) return print_error(bad), usage;
            const auto done = run_foreign(parser.args.context, verb, {argv + at + 1, argv + argc});
            return done ? *done : unknown_verb(parser, verb);
        }
        if (!parse(parser, argc, argv, code)) return code;
        if (const std::string bad = parser.finish(); !bad.empty()) return print_error(bad), usage;
        if (parser.args.version_flag) return version(parser.args.context);
        if (!parser.chosen) {
            std::fputs(parser.app.help().c_str(), stderr);
            return usage;
        }
        code = parser.chosen();
        if (std::fflush(stdout) != 0) { // a full disk behind "> file"
            print_error("standard output cannot be written");
            return failed;
        }
        return code;
    } catch (const std::exception& e) {
        print_error(e.what());
        return failed;
    }
}

} // namespace agenthost::host
