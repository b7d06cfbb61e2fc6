"""Everything that is global: which cassette a request belongs to, and how it is driven.

`context` says who owns a request, `recording` keeps what arrives, `playback` gives it back,
`imports` installs interceptors when their library is there, `threads` carries owners along,
`egress` sees connections that no interceptor handles.
"""
