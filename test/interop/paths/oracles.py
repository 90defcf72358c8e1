"""What other implementations say about certification paths: a line of JSON for each, in and out (see oracles.ts). OpenSSL and GnuTLS by their libraries;
Python's cryptography where it is installed and has a verifier."""

import base64
import ctypes
import ctypes.util
import datetime
import ipaddress
import json
import sys


def openssl():
    lib = ctypes.CDLL(ctypes.util.find_library("crypto"))
    p, i, n = ctypes.c_void_p, ctypes.c_int, ctypes.c_long
    for name, result, *arguments in [
        ("d2i_X509", p, p, p, n),
        ("d2i_X509_CRL", p, p, p, n),
        ("X509_free", None, p),
        ("X509_CRL_free", None, p),
        ("X509_STORE_new", p),
        ("X509_STORE_free", None, p),
        ("X509_STORE_add_cert", i, p, p),
        ("X509_STORE_add_crl", i, p, p),
        ("X509_STORE_CTX_new", p),
        ("X509_STORE_CTX_free", None, p),
        ("X509_STORE_CTX_init", i, p, p, p, p),
        ("X509_STORE_CTX_get0_param", p, p),
        ("X509_STORE_CTX_get_error", i, p),
        ("X509_verify_cert", i, p),
        ("X509_verify_cert_error_string", ctypes.c_char_p, n),
        ("X509_VERIFY_PARAM_set_flags", i, p, ctypes.c_ulong),
        ("X509_VERIFY_PARAM_set_purpose", i, p, i),
        ("X509_VERIFY_PARAM_set_time", None, p, ctypes.c_long),
        ("X509_VERIFY_PARAM_set_auth_level", None, p, i),
        ("X509_VERIFY_PARAM_set_hostflags", None, p, ctypes.c_uint),
        ("X509_VERIFY_PARAM_set1_host", i, p, ctypes.c_char_p, ctypes.c_size_t),
        ("X509_VERIFY_PARAM_set1_ip_asc", i, p, ctypes.c_char_p),
        ("X509_VERIFY_PARAM_add0_policy", i, p, p),
        ("OBJ_txt2obj", p, ctypes.c_char_p, i),
        ("OPENSSL_sk_new_null", p),
        ("OPENSSL_sk_push", i, p, p),
        ("OPENSSL_sk_free", None, p),
        ("OpenSSL_version", ctypes.c_char_p, i),
    ]:
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments

    def read(function, der):
        buffer = ctypes.create_string_buffer(der, len(der))
        at = ctypes.c_void_p(ctypes.addressof(buffer))
        return function(None, ctypes.byref(at), len(der))

    def verify(case):
        certificates, lists = [], []

        def certificate(der):
            one = read(lib.d2i_X509, der)
            if one:
                certificates.append(one)
            return one

        store, stack, context = lib.X509_STORE_new(), lib.OPENSSL_sk_new_null(), lib.X509_STORE_CTX_new()
        try:
            leaf = certificate(case["leaf"])
            if not leaf:
                return "unreadable"
            for der in case["anchors"]:
                if one := certificate(der):
                    lib.X509_STORE_add_cert(store, one)
            for der in case["intermediates"]:
                if one := certificate(der):
                    lib.OPENSSL_sk_push(stack, one)
            for der in case["crls"]:
                if one := read(lib.d2i_X509_CRL, der):
                    lists.append(one)
                    lib.X509_STORE_add_crl(store, one)
            lib.X509_STORE_CTX_init(context, store, leaf, stack)
            param = lib.X509_STORE_CTX_get0_param(context)
            # Strict, partial chains, policies; with CRLs all of them, extended and with deltas.
            flags = 0x20 | 0x80000 | 0x80 | (0x4 | 0x8 | 0x1000 | 0x2000 if case["revocationRequired"] else 0)
            lib.X509_VERIFY_PARAM_set_flags(param, flags)
            # Without it, no policy would do where one is required.
            lib.X509_VERIFY_PARAM_add0_policy(param, lib.OBJ_txt2obj(b"2.5.29.32.0", 1))
            lib.X509_VERIFY_PARAM_set_purpose(param, 2)
            lib.X509_VERIFY_PARAM_set_auth_level(param, 2)
            lib.X509_VERIFY_PARAM_set_time(param, case["time"])
            # No partial wildcards, never the common name.
            lib.X509_VERIFY_PARAM_set_hostflags(param, 0x4 | 0x20)
            if case["ip"]:
                lib.X509_VERIFY_PARAM_set1_ip_asc(param, case["host"].encode())
            else:
                lib.X509_VERIFY_PARAM_set1_host(param, case["host"].encode(), 0)
            if lib.X509_verify_cert(context) == 1:
                return "ok"
            return lib.X509_verify_cert_error_string(lib.X509_STORE_CTX_get_error(context)).decode()
        finally:
            lib.X509_STORE_CTX_free(context)
            lib.OPENSSL_sk_free(stack)
            lib.X509_STORE_free(store)
            for one in certificates:
                lib.X509_free(one)
            for one in lists:
                lib.X509_CRL_free(one)

    return lib.OpenSSL_version(0).decode(), verify


def gnutls():
    lib = ctypes.CDLL(ctypes.util.find_library("gnutls"))
    lib.gnutls_check_version.restype = ctypes.c_char_p

    class Datum(ctypes.Structure):
        _fields_ = [("data", ctypes.c_char_p), ("size", ctypes.c_uint)]

    class TypedData(ctypes.Structure):
        _fields_ = [("type", ctypes.c_int), ("data", ctypes.c_char_p), ("size", ctypes.c_uint)]

    now = [0]
    clock = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p)(lambda _: now[0])
    lib.gnutls_global_set_time_function(clock)
    # The library does not keep it alive.
    lib.clock = clock

    def read(der):
        certificate = ctypes.c_void_p()
        lib.gnutls_x509_crt_init(ctypes.byref(certificate))
        status = lib.gnutls_x509_crt_import(certificate, ctypes.byref(Datum(der, len(der))), 0)
        return certificate if status == 0 else None

    def verify(case):
        now[0] = case["time"]
        chain = [read(der) for der in [case["leaf"], *case["intermediates"]]]
        if chain[0] is None:
            return "unreadable"
        chain = [one for one in chain if one is not None]
        anchors = [one for one in map(read, case["anchors"]) if one is not None]
        trust = ctypes.c_void_p()
        lib.gnutls_x509_trust_list_init(ctypes.byref(trust), 0)
        array = (ctypes.c_void_p * len(anchors))(*anchors)
        lib.gnutls_x509_trust_list_add_cas(trust, array, len(anchors), 0)
        name = (
            TypedData(4, (octets := ipaddress.ip_address(case["host"]).packed), len(octets))
            if case["ip"]
            else TypedData(1, case["host"].encode(), 0)
        )
        data = (TypedData * 2)(name, TypedData(2, b"1.3.6.1.5.5.7.3.1", 0))
        status = ctypes.c_uint()
        given = (ctypes.c_void_p * len(chain))(*chain)
        code = lib.gnutls_x509_trust_list_verify_crt2(
            trust, given, len(chain), data, 2, 0, ctypes.byref(status), None
        )
        lib.gnutls_x509_trust_list_deinit(trust, 1)
        for one in chain:
            lib.gnutls_x509_crt_deinit(one)
        return "ok" if code == 0 and status.value == 0 else f"code {code}, status {status.value:#x}"

    return "GnuTLS " + lib.gnutls_check_version(None).decode(), verify


def cryptography():
    import cryptography as package
    from cryptography import x509
    from cryptography.x509 import verification

    def read(der):
        try:
            return x509.load_der_x509_certificate(der)
        except (ValueError, x509.InvalidVersion):
            return None

    def verify(case):
        leaf = read(case["leaf"])
        if leaf is None:
            return "unreadable"
        anchors = [one for one in map(read, case["anchors"]) if one is not None]
        if not anchors:
            return "no anchor"
        host = case["host"]
        try:
            subject = x509.IPAddress(ipaddress.ip_address(host)) if case["ip"] else x509.DNSName(host)
            time = datetime.datetime.fromtimestamp(case["time"], datetime.timezone.utc).replace(tzinfo=None)
            builder = verification.PolicyBuilder().store(verification.Store(anchors)).time(time).max_chain_depth(16)
            intermediates = [one for one in map(read, case["intermediates"]) if one is not None]
            builder.build_server_verifier(subject).verify(leaf, intermediates)
            return "ok"
        except (verification.VerificationError, ValueError) as error:
            return str(error)

    return f"cryptography {package.__version__}", verify


def main():
    oracles = {"openssl": openssl(), "gnutls": gnutls()}
    try:
        oracles["cryptography"] = cryptography()
    except ImportError:
        pass
    print(json.dumps({name: version for name, (version, _) in oracles.items()}))
    decode = base64.b64decode
    for line in sys.stdin:
        case = json.loads(line)
        case["leaf"] = decode(case["leaf"])
        for field in ["intermediates", "anchors", "crls"]:
            case[field] = [decode(text) for text in case[field]]
        # Only OpenSSL is asked about revocation.
        asked = ["openssl"] if case["revocationRequired"] else oracles
        print(json.dumps({name: oracles[name][1](case) for name in asked}))


main()
