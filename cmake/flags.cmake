# All compiler and link flags, each with its reason.

set(KERAS_WARNINGS -Wall -Wextra -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  set(KERAS_WARNINGS -Wall -Wextra -Wno-missing-field-initializers -Wno-missing-designated-field-initializers)
endif()
set(KERAS_KERNEL_FLAGS -fno-math-errno)  # sqrt and friends as instructions; nobody reads errno

add_library(keras_flags INTERFACE)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

if(EMSCRIPTEN)
  # Small where a call is rare, fast where loops are: kernels/ and ops/, which instantiates its templates, say so themselves.
  set(CMAKE_CXX_FLAGS_RELEASE "-Oz -DNDEBUG")
  set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")
  set(KERAS_LOOP_FLAGS -O3)
  set(KERAS_SMALL_FLAGS -Oz)  # for families of ops that few models use
  # Legacy exception encoding: Node 20 and all browsers of today know it.
  # -pthread for engines without threads too, so that all is compiled once: atomic instructions do on memory that is not shared.
  add_compile_options(-msimd128 -fwasm-exceptions -pthread)
else()
  # Release speed, but with assertions: the native build is for tests.
  set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
  if(KERAS_SANITIZE STREQUAL "thread")
    add_compile_options(-O1 -fsanitize=thread -fno-omit-frame-pointer)
    add_link_options(-fsanitize=thread)
  elseif(KERAS_SANITIZE)
    # For the rooms. What else there is (tests, other libraries) is compiled as in the build without, so that one compiler cache does.
    set(KERAS_SANITIZE_FLAGS -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
    # For the parsers: it counts what an input of a fuzzer reaches. The fuzzers themselves link libFuzzer.
    set(KERAS_FUZZED_FLAGS -fsanitize=fuzzer-no-link)
  endif()
  list(APPEND KERAS_KERNEL_FLAGS -msse4.2)
  find_package(Threads REQUIRED)
  target_link_libraries(keras_flags INTERFACE Threads::Threads)
endif()
