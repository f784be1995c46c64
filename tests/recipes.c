/* SPDX-License-Identifier: BSD-2-Clause */
/* recipes.c — TABLE of the ways in which programs have protected bundles. */
#include "tests/bundles.h"

#define CLASSIC .mac = MAC_CLASSIC, .password = "Passw0rd"
const struct recipe bundle_recipes[BUNDLE_RECIPES] = {
    { "RC2-40",           NID_pbe_WithSHA1And40BitRC2_CBC,       .digest = "SHA1", CLASSIC },
    { "RC2-128",          NID_pbe_WithSHA1And128BitRC2_CBC,      .digest = "SHA1", CLASSIC },
    { "RC4-40",           NID_pbe_WithSHA1And40BitRC4,           .digest = "SHA1", CLASSIC },
    { "RC4-128",          NID_pbe_WithSHA1And128BitRC4,          .digest = "SHA1", CLASSIC },
    { "3DES",             NID_pbe_WithSHA1And3_Key_TripleDES_CBC,.digest = "SHA1", CLASSIC },
    { "2DES",             NID_pbe_WithSHA1And2_Key_TripleDES_CBC,.digest = "MD5", CLASSIC },
    { "PBES1 MD5 DES",    NID_pbeWithMD5AndDES_CBC,              .digest = "SHA256", CLASSIC },
    { "PBES1 SHA1 DES",   NID_pbeWithSHA1AndDES_CBC,             .digest = "SHA256", CLASSIC },
    { "PBES1 SHA1 RC2",   NID_pbeWithSHA1AndRC2_CBC,             .digest = "SHA384", CLASSIC },
    { "AES-128, default", 0, "AES-128-CBC",                      .digest = "SHA256", CLASSIC },
    { "AES-256, SHA-256", 0, "AES-256-CBC", NID_hmacWithSHA256,  .digest = "SHA256", CLASSIC },
    { "AES-192, SHA-384", 0, "AES-192-CBC", NID_hmacWithSHA384,  .digest = "SHA384", CLASSIC },
    { "AES-256, SHA-512", 0, "AES-256-CBC", NID_hmacWithSHA512,  .digest = "SHA512", CLASSIC },
    { "AES-256, SHA3",    0, "AES-256-CBC", NID_hmac_sha3_256,   .digest = "SHA3-256", CLASSIC },
    { "3DES in PBES2",    0, "DES-EDE3-CBC",                     .digest = "SHA1", CLASSIC },
    { "Camellia",         0, "CAMELLIA-256-CBC",                 .digest = "SHA256", CLASSIC },
    { "AES-256-GCM",      0, "AES-256-GCM", NID_hmacWithSHA256,  .digest = "SHA256", CLASSIC },
    { "AES-128-GCM",      0, "AES-128-GCM",                      .digest = "SHA256", CLASSIC },
    { "scrypt 2^10",      0, "AES-256-CBC", 0, KDF_SCRYPT, .iterations = 1024, .digest = "SHA256", CLASSIC },
    { "scrypt 2^15",      0, "AES-256-CBC", 0, KDF_SCRYPT, .iterations = 32768, .digest = "SHA256", CLASSIC },
    { "PBMAC1 SHA-256",   0, "AES-256-CBC", NID_hmacWithSHA256, .mac = MAC_PBMAC1, .digest = "SHA256", .mac_key = 32,
      .password = "Passw0rd" },
    { "PBMAC1 SHA-512",   0, "AES-256-CBC", NID_hmacWithSHA256, .mac = MAC_PBMAC1, .digest = "SHA512", .mac_key = 256,
      .password = "Passw0rd" },
    { "key length said",  0, "AES-192-CBC", .key_length = true,  .digest = "SHA256", CLASSIC },
    { "NSS 3.29",         0, "AES-256-CBC", .says = "AES-128-CBC", .key_length = true, .digest = "SHA1", CLASSIC },
    { "no MAC",           0, "AES-256-CBC", .mac = MAC_NONE, .password = "Passw0rd" },
    { "in the clear",     -1, .digest = "SHA256", CLASSIC },
    { "nothing at all",   -1, .mac = MAC_NONE, .password = "Passw0rd" },
};
