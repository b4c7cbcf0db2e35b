// Factory functions for Keys, one for each kind of value. Used only by the key tables.
#pragma once

#include "keys.hpp"
#include "units.hpp"

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <type_traits>

namespace agenthost::host::conf {

// Reports "<path>: expected <what>, not <value>".
void expected(Reading&, const Value&, const std::string& path, const std::string& what);
// Returns the text of a scalar, or reports a problem and returns nullopt. No control characters, 1 to `max`
// bytes.
std::optional<std::string> read_text(Reading&, const Value&, const std::string& path, const std::string& what,
                                     std::size_t max = 1024);
std::optional<std::int64_t> read_whole(Reading&, const Value&, const std::string& path, std::int64_t min,
                                       std::int64_t max);
std::optional<double> read_real(Reading&, const Value&, const std::string& path, double min, double max);
std::optional<bool> read_flag(Reading&, const Value&, const std::string& path);
std::optional<std::uint64_t> read_size(Reading&, const Value&, const std::string& path, std::uint64_t min,
                                       std::uint64_t max);
std::optional<milliseconds> read_duration(Reading&, const Value&, const std::string& path, milliseconds min,
                                          milliseconds max);
std::optional<std::string> read_choice(Reading&, const Value&, const std::string& path,
                                       const std::vector<std::string>&);
std::optional<std::string> read_path(Reading&, const Value&, const std::string& path); // absolute
std::optional<std::vector<std::string>> read_list(Reading&, const Value&, const std::string& path,
                                                  bool paths);
std::optional<std::map<std::string, std::string>>
read_dictionary(Reading&, const Value&, const std::string& path, const std::string& what);
std::optional<SecretSource> read_secret_source(Reading&, const Value&, const std::string& path);

Json show_number(double); // 100, not 100.0
Json show_secret(const SecretSource&);
Json size_schema();
Json duration_schema();
Json secret_schema();

// --- factories; T is the struct, M the member's type

template <class T, class M> const M& get(const void* object, M T::*member)
{
    return static_cast<const T*>(object)->*member;
}

template <class M> struct inner {
    using type = M;
};
template <class M> struct inner<std::optional<M>> {
    using type = M;
};
template <class M> constexpr bool is_optional = !std::is_same_v<M, typename inner<M>::type>;

// A Key from `read` (returns optional<V>) and `show` (V -> Json); an absent optional member is not shown.
template <class T, class M, class Read, class Show>
Key make(std::string name, std::string doc, M T::*member, Read read, Show show, std::function<Json()> schema)
{
    Key key;
    key.name = std::move(name);
    key.doc = std::move(doc);
    key.read = [member, read](Reading& r, const Value& value, const std::string& path, void* object) {
        if (auto v = read(r, value, path))
            static_cast<T*>(object)->*member = static_cast<typename inner<M>::type>(std::move(*v));
    };
    key.show = [member, show](const void* object) -> Json {
        const M& value = get(object, member);
        if constexpr (is_optional<M>) {
            return value ? show(*value) : Json{};
        } else {
            return show(value);
        }
    };
    if constexpr (is_optional<M>) {
        key.schema = std::move(schema);
    } else {
        key.schema = [member, show, schema = std::move(schema)] {
            Json out = schema();
            const Json usual = show(T{}.*member);
            const bool none = usual.is_null() || (usual.is_structured() && usual.empty());
            if (!none) out["default"] = usual;
            return out;
        };
    }
    return key;
}

inline Json text_or_null(const std::string& text) { return text.empty() ? Json{} : Json(text); }

template <class T> Key text(const char* name, std::string T::*member, const char* doc, std::size_t max = 1024)
{
    return make(
        name, doc, member,
        [max](Reading& r, const Value& v, const std::string& p) { return read_text(r, v, p, "text", max); },
        text_or_null,
        [] {
            return Json{{"type", "string"}};
        });
}

template <class T> Key flag(const char* name, bool T::*member, const char* doc)
{
    return make(
        name, doc, member, read_flag, [](bool v) { return Json(v); },
        [] {
            return Json{{"type", "boolean"}};
        });
}

template <class T, class M>
Key whole(const char* name, M T::*member, std::int64_t min, std::int64_t max, const char* doc)
{
    return make(
        name, doc, member,
        [=](Reading& r, const Value& v, const std::string& p) { return read_whole(r, v, p, min, max); },
        [](M v) { return Json(v); },
        [=] {
            return Json{{"type", "integer"}, {"minimum", min}, {"maximum", max}};
        });
}

template <class T, class M> Key real(const char* name, M T::*member, double min, double max, const char* doc)
{
    return make(
        name, doc, member,
        [=](Reading& r, const Value& v, const std::string& p) { return read_real(r, v, p, min, max); },
        show_number,
        [=] {
            return Json{{"type", "number"}, {"minimum", show_number(min)}, {"maximum", show_number(max)}};
        });
}

template <class T>
Key size(const char* name, std::uint64_t T::*member, std::uint64_t min, std::uint64_t max, const char* doc)
{
    return make(
        name, doc, member,
        [=](Reading& r, const Value& v, const std::string& p) { return read_size(r, v, p, min, max); },
        [](std::uint64_t v) { return Json(format_size(v)); }, size_schema);
}

template <class T, class M>
Key duration(const char* name, M T::*member, milliseconds min, milliseconds max, const char* doc)
{
    using D = typename inner<M>::type;
    return make(
        name, doc, member,
        [=](Reading& r, const Value& v, const std::string& p) -> std::optional<D> {
            const auto d = read_duration(r, v, p, min, max);
            return d ? std::optional{std::chrono::duration_cast<D>(*d)} : std::nullopt;
        },
        [](D v) { return Json(format_duration(v)); }, duration_schema);
}

template <class T>
Key choice(const char* name, std::string T::*member, std::vector<std::string> words, const char* doc)
{
    return make(
        name, doc, member,
        [words](Reading& r, const Value& v, const std::string& p) { return read_choice(r, v, p, words); },
        text_or_null,
        [words] {
            return Json{{"enum", words}};
        });
}

template <class T, class M> Key path(const char* name, M T::*member, const char* doc)
{
    return make(
        name, doc, member, read_path,
        [](const M& v) { return text_or_null(std::filesystem::path{v}.string()); },
        [] {
            return Json{{"type", "string"}};
        });
}

template <class T, class M> Key list(const char* name, M T::*member, const char* doc)
{
    return make(
        name, doc, member,
        [](Reading& r, const Value& v, const std::string& p) { return read_list(r, v, p, false); },
        [](const std::vector<std::string>& v) { return Json(v); },
        [] {
            return Json{{"type", "array"}, {"items", {{"type", "string"}}}};
        });
}

template <class T>
Key dictionary(const char* name, std::map<std::string, std::string> T::*member, const char* what,
               const char* doc)
{
    const std::string w = what;
    return make(
        name, doc, member,
        [w](Reading& r, const Value& v, const std::string& p) { return read_dictionary(r, v, p, w); },
        [](const std::map<std::string, std::string>& v) { return Json(v); },
        [] {
            return Json{{"type", "object"},
                        {"additionalProperties", {{"type", Json::array({"string", "number", "boolean"})}}}};
        });
}

template <class T> Key secret(const char* name, SecretSource T::*member, const char* doc)
{
    return make(name, doc, member, read_secret_source, show_secret, secret_schema);
}

// A nested map whose keys are stored in the same object (agent.id -> Config::agent_id) ...
Key group(const char* name, Section section, const char* doc);
// ... or in a member, which may be optional.
template <class T, class M> Key group(const char* name, M T::*member, Section section, const char* doc)
{
    Key key;
    key.name = name;
    key.doc = doc;
    auto shared = std::make_shared<const Section>(std::move(section));
    key.read = [=](Reading& r, const Value& value, const std::string& path, void* object) {
        if (value.kind == Value::Kind::null) return;
        M& target = static_cast<T*>(object)->*member;
        if constexpr (is_optional<M>) {
            if (!target) target.emplace();
            read_section(r, *shared, value, path, &*target);
        } else {
            read_section(r, *shared, value, path, &target);
        }
    };
    key.show = [=](const void* object) -> Json {
        const M& target = get(object, member);
        if constexpr (is_optional<M>) {
            return target ? show_section(*shared, &*target) : Json{};
        } else {
            Json shown = show_section(*shared, &target);
            return shown.empty() ? Json{} : shown;
        }
    };
    key.schema = [=] { return section_schema(*shared); };
    return key;
}

} // namespace agenthost::host::conf
