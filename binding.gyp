{
  'targets': [
    {
      'target_name': 'forkful',
      'sources': [
        'native/addon.cc',
        'native/binding/args.cc',
        'native/binding/doorbell.cc',
        'native/binding/error.cc',
        'native/binding/external_buffer.cc',
        'native/binding/liveness.cc',
        'native/binding/memory.cc',
        'native/binding/named_segment.cc',
        'native/binding/parking.cc',
        'native/binding/process.cc',
        'native/os/named_segment_posix.cc',
        'native/os/parking.cc',
        'native/os/process_host_posix.cc',
        'native/os/region.cc',
        'native/os/waiter_thread.cc',
      ],
      'include_dirs': ["<!(node -p \"require('node-addon-api').include_dir\")"],
      'defines': ['NAPI_VERSION=9', 'NAPI_DISABLE_CPP_EXCEPTIONS', 'NODE_ADDON_API_DISABLE_DEPRECATED'],
      # Of the standards named the last wins: this one, not that of Node's own settings.
      'cflags_cc': ['-std=c++20', '-O2', '-fvisibility=hidden', '-Wall', '-Wextra', '-Wno-unused-parameter'],
      'conditions': [
        ['OS=="linux"', {
          # Offsets have 64 bits anyway; this would only turn calls into symbols (fcntl64) that older systems lack.
          'defines!': ['_FILE_OFFSET_BITS=64'],
          'sources': [
            'native/os/available_memory_linux.cc',
            'native/os/file_info_linux.cc',
            'native/os/freed_memory_linux.cc',
            'native/os/futex_linux.cc',
            'native/os/liveness_linux.cc',
            'native/os/mapping_linux.cc',
            'native/os/named_segment_linux.cc',
            'native/os/parking_posix.cc',
            'native/os/process_host_linux.cc',
          ],
          'ldflags': [
            # The process outlives the Workers that load this, and a thread or a finaliser may be inside: never unmap it.
            '-Wl,-z,nodelete',
            # All symbols come from the process, unversioned: one binary for old and new glibc, and for musl. libgcc is static.
            '-nodefaultlibs',
          ],
          'libraries': ['-lgcc'],
        }],
        ['OS=="mac"', {
          'sources': [
            'native/os/file_info_darwin.cc',
            'native/os/freed_memory_darwin.cc',
            'native/os/futex_darwin.cc',
            'native/os/liveness_darwin.cc',
            'native/os/mapping_darwin.cc',
            'native/os/named_segment_darwin.cc',
            'native/os/process_host_darwin.cc',
          ],
          'xcode_settings': {
            'CLANG_CXX_LANGUAGE_STANDARD': 'c++20',
            'GCC_OPTIMIZATION_LEVEL': '2',
            'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
            'MACOSX_DEPLOYMENT_TARGET': '11.0',
          },
        }],
      ],
    },
  ],
}
