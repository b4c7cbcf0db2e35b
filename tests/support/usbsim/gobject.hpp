// Owns one reference to a GObject.
#pragma once

#include <glib-object.h>

#include <utility>

namespace agenthost::usbsim {

template <class T> class Ref {
public:
    Ref() = default;
    // Takes a reference of its own.
    explicit Ref(T* object) : object_{object}
    {
        if (object_) g_object_ref(object_);
    }
    // Takes over the caller's reference.
    static Ref adopt(T* object)
    {
        Ref out;
        out.object_ = object;
        return out;
    }
    Ref(const Ref& other) : Ref{other.object_} {}
    Ref(Ref&& other) noexcept : object_{std::exchange(other.object_, nullptr)} {}
    Ref& operator=(Ref other) noexcept
    {
        std::swap(object_, other.object_);
        return *this;
    }
    ~Ref() { g_clear_object(&object_); }

    [[nodiscard]] T* get() const { return object_; }
    T* operator->() const { return object_; }
    explicit operator bool() const { return object_ != nullptr; }

private:
    T* object_ = nullptr;
};

} // namespace agenthost::usbsim
