using Holdfast.Users;

namespace Holdfast.Tests.Users;

/// <summary>Hashes that others made, by the libraries that most of them use, and their bounds (security cases PWD-001 to PWD-010).</summary>
public sealed class PasswordHashTests
{
    internal const string Bcrypt = "$2b$05$abcdefghijklmnopqrstuu.xPI0D/04JlWcnvHoilxCp1m8QXBO4O";
    internal const string BcryptPassword = Password;

    private const string Password = "correct horse \u00e4";
    private const string Salt = "AQIDBAUGBwgJCgsMDQ4PEA";
    private const string Key32 = "SzlL8qZzOxvUVXtQ/2oGmEpkKVx1U9wGVvJ0Y6n4j6o";
    private const string Firebase =
        "$firebase-scrypt$hash=lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==$salt=42xEC+ixf3L2lw==$sk="
        + "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$ss=Bw==$r=8$m=14";

    public static TheoryData<string, string, bool, string> Known { get; } = new()
    {
        { "bcrypt", Bcrypt, false, Password },
        { "bcrypt", Bcrypt.Replace("$2b$", "$2y$", StringComparison.Ordinal), false, Password },
        { "bcrypt", Bcrypt.Replace("$2b$", "$2a$", StringComparison.Ordinal), false, Password },
        { "scrypt", $"$scrypt$v=1$n=16384,r=8,p=1,kl=64${Salt}$BffOrVRUkGkmXFS3Y2oxCHHm/zOc6ST9w5JxR78kGwaG3OeVcDTwWko077FxdW2bHWDxfkDjGY4NIUuPS/6bFA", false, Password },
        { "pbkdf2", $"$pbkdf2$i=600000,d=sha256${Salt}$LMBG2YeouahTNQJY/TX5V5Fq6OehjENeiLwouNsV0LU", false, Password },
        { "pbkdf2", $"$pbkdf2$i=210000,d=sha512${Salt}$7UNPB1xalUzAbAUwI6AJlhH473BFDYVHZ0m4OvhFJOcHE5RiMGX1dS980JJ0V2xn9ITUL0oDIXJnpKLu7Sn6kQ", false, Password },
        { "ssha", "{SSHA}S7fla+Wd6E6/VXhPTlgW2iW4XVMBAgMEBQYHCA==", false, Password },
        { "ssha", "{ssha}S7fla+Wd6E6/VXhPTlgW2iW4XVMBAgMEBQYHCA==", false, Password },
        { "ssha256", "{SSHA256}16mtCHF41UXDQK/HFpiFxkrV1hcSnzh3tTNEueaxWhEBAgMEBQYHCAkKCwwNDg8Q", false, Password },
        { "ssha256", "{SSHA256}5E6B3vTWBnc1ipyWXAnYQg98O9sGerbOZLsGiv6oJAkBAgMEBQYHCAkKCwwNDg8Q", true, Password },
        { "firebase-scrypt", Firebase, false, "user1password" },
        { "argon2", "$argon2id$v=19$m=19456,t=2,p=1$AQIDBAUGBwgJCgsMDQ4PEA$xDYGXFijix9JCXsneDVFiQkppAxIv3jJW+6cowuiu0Q", false, Password },
        { "argon2", "$argon2i$v=19$m=4096,p=4,t=3$AQIDBAUGBwgJCgsMDQ4PEA$EgWMnhb416ZtL7g/PWVOqItAYBNDXGMDvVVzwn1adZM", false, Password },
        { "argon2", "$argon2d$v=19$m=8192,p=2,t=1$AQIDBAUGBwgJCgsMDQ4PEA$QwbVhQ4Iw3V+ISZryyGKothSwba8CXhbCNMn7vRUnNc", false, Password },
        { "argon2", "$argon2id$v=16$m=8192,p=1,t=1$AQIDBAUGBwgJCgsMDQ4PEA$3B2xZc4IHF0huiDrn+vr5M4FPvkw7oFSkX0p6NKY3jI", false, Password },
        { "argon2", "$argon2id$m=8192,p=1,t=1$AQIDBAUGBwgJCgsMDQ4PEA$3B2xZc4IHF0huiDrn+vr5M4FPvkw7oFSkX0p6NKY3jI", false, Password },
    };

    [Theory, MemberData(nameof(Known))]
    public void A_hash_that_another_made_opens_to_its_password_and_to_no_other(string type, string text, bool saltIsPrefix, string password)
    {
        var imported = PasswordHash.Import(text, type, saltIsPrefix, new byte[16])!;
        // As it comes back from where it is kept.
        var kept = PasswordHash.Read(imported.ToString())!;

        Assert.Equal((true, false, false), (kept.Opens(password), kept.Opens(password + "x"), kept.Opens("")));
        Assert.Equal(type == "argon2" && text.StartsWith("$argon2id$v=19$m=19456,t=2", StringComparison.Ordinal), !kept.IsOld);
    }

    [Fact]
    public void A_fast_hash_is_not_kept_as_it_is()
    {
        var kept = PasswordHash.Import("{SSHA}S7fla+Wd6E6/VXhPTlgW2iW4XVMBAgMEBQYHCA==", "ssha", false, new byte[16])!.ToString();

        Assert.StartsWith("$ssha$suffix$AQIDBAUGBwg$argon2id$v=19$m=19456,t=2,p=1$", kept, StringComparison.Ordinal);
        Assert.DoesNotContain("S7fla", kept, StringComparison.Ordinal);
    }

    [Fact]
    public void Bcrypt_reads_72_bytes_as_whoever_made_the_hash_did()
    {
        var hash = PasswordHash.Import("$2a$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe", "bcrypt", false, [])!;
        Assert.Equal((true, true, false), (hash.Opens(new string('a', 72)), hash.Opens(new string('a', 73)), hash.Opens(new string('a', 71))));
        var plain = PasswordHash.Import(Bcrypt, "bcrypt", false, [])!;
        Assert.True(plain.Opens(Password + "\0and more"));
    }

    /// <summary>PWD-002: the 72nd byte may be the first of a letter's two. The hash is crypt(3)'s.</summary>
    [Fact]
    public void Bcrypt_cuts_a_letter_in_two_as_whoever_made_the_hash_did()
    {
        var hash = PasswordHash.Import("$2b$04$abcdefghijklmnopqrstuuoVx8RufeJl2sf6nnK3ltb8OHjZZZsny", "bcrypt", false, [])!;
        var most = new string('a', 71);
        Assert.Equal((true, true, false, false), (hash.Opens(most + "\u00e4"), hash.Opens(most + "\u00e3"), hash.Opens(most + "b"), hash.Opens(most)));
    }

    [Fact]
    public void A_new_hash_reads_the_whole_password()
    {
        var hash = PasswordHash.Make(new string('a', 1000), [.. Enumerable.Range(0, 16).Select(i => (byte)i)]);
        Assert.Equal((true, false, false), (hash.Opens(new string('a', 1000)), hash.Opens(new string('a', 999)), hash.Opens(new string('a', 1000) + " ")));
        Assert.False(hash.IsOld);
        Assert.StartsWith("$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$", hash.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bcrypt", "$2b$15$abcdefghijklmnopqrstuu.xPI0D/04JlWcnvHoilxCp1m8QXBO4O")]
    [InlineData("bcrypt", "$2b$31$abcdefghijklmnopqrstuu.xPI0D/04JlWcnvHoilxCp1m8QXBO4O")]
    [InlineData("bcrypt", "$2b$03$abcdefghijklmnopqrstuu.xPI0D/04JlWcnvHoilxCp1m8QXBO4O")]
    [InlineData("bcrypt", "$2b$00$abcdefghijklmnopqrstuu.xPI0D/04JlWcnvHoilxCp1m8QXBO4O")]
    [InlineData("bcrypt", "$2x$05$abcdefghijklmnopqrstuu.xPI0D/04JlWcnvHoilxCp1m8QXBO4O")]
    [InlineData("bcrypt", "$2b$05$abcdefghijklmnopqrstuu.xPI0D/04JlWcnvHoilxCp1m8QXBO4")]
    [InlineData("bcrypt", "$2b$05$abcdefghijklmnopqrstuu.xPI0D/04JlWcnvHoilxCp1m8QXBO4OO")]
    [InlineData("bcrypt", "$2b$05$abcdefghijklmnopqrstuu.xPI0D/04JlWcnvHoilxCp1m8QXBO4O\n")]
    [InlineData("bcrypt", "")]
    [InlineData("bcrypt", "$2b$32$abcdefghijklmnopqrstuu.xPI0D/04JlWcnvHoilxCp1m8QXBO4O")]
    [InlineData("bcrypt", "$2b$5$abcdefghijklmnopqrstuu.xPI0D/04JlWcnvHoilxCp1m8QXBO4O")]
    [InlineData("bcrypt", "$2b$\u0660\u0665$abcdefghijklmnopqrstuu.xPI0D/04JlWcnvHoilxCp1m8QXBO4O")]
    [InlineData("bcrypt", "$2b$05$abcdefghijklmnopqrstuu.xPI0D/04JlWcnvHo\0lxCp1m8QXBO4O")]
    [InlineData("scrypt", "$scrypt$v=1$n=512,r=8,p=1,kl=32$" + Salt + "$" + Key32)]
    [InlineData("scrypt", "$scrypt$v=1$n=131072,r=8,p=5,kl=32$" + Salt + "$" + Key32)]
    [InlineData("scrypt", "$scrypt$v=1$n=1024,r=33,p=1,kl=32$" + Salt + "$" + Key32)]
    [InlineData("scrypt", "$scrypt$v=1$n=1024,r=8,p=17,kl=32$" + Salt + "$" + Key32)]
    [InlineData("scrypt", "$scrypt$v=1$n=16384,r=0,p=1,kl=32$" + Salt + "$" + Key32)]
    [InlineData("scrypt", "$scrypt$v=1$n=99999999,r=8,p=1,kl=32$" + Salt + "$" + Key32)]
    [InlineData("scrypt", "$scrypt$v=1$n=-16384,r=8,p=1,kl=32$" + Salt + "$" + Key32)]
    [InlineData("pbkdf2", "$pbkdf2$i=99999999,d=sha256$" + Salt + "$" + Key32)]
    [InlineData("pbkdf2", "$pbkdf2$i=600000,d=SHA256$" + Salt + "$" + Key32)]
    [InlineData("pbkdf2", "$pbkdf2$i=600000,d=sha256$AQID$" + Key32)]
    [InlineData("argon2", "$argon2id$v=19$m=19456,t=2,p=0$" + Salt + "$" + Key32)]
    [InlineData("argon2", "$argon2id$v=19$m=9999999,t=1,p=1$" + Salt + "$" + Key32)]
    [InlineData("argon2", "$argon2id$v=19$m=19456,t=2,p=1$" + Salt + "$" + Key32 + "\n")]
    [InlineData("scrypt", "$scrypt$v=1$n=16383,r=8,p=1,kl=32$" + Salt + "$" + Key32)]
    [InlineData("scrypt", "$scrypt$v=1$n=16777216,r=8,p=1,kl=32$" + Salt + "$" + Key32)]
    [InlineData("scrypt", "$scrypt$v=1$n=262144,r=8,p=1,kl=32$" + Salt + "$" + Key32)]
    [InlineData("scrypt", "$scrypt$v=1$n=16384,r=8,p=1$" + Salt + "$" + Key32)]
    [InlineData("scrypt", "$scrypt$v=1$n=16384,r=8,p=1,kl=64$" + Salt + "$" + Key32)]
    [InlineData("pbkdf2", "$pbkdf2$i=599999,d=sha256$" + Salt + "$" + Key32)]
    [InlineData("pbkdf2", "$pbkdf2$i=209999,d=sha512$" + Salt + "$" + Key32)]
    [InlineData("pbkdf2", "$pbkdf2$i=1000001,d=sha256$" + Salt + "$" + Key32)]
    [InlineData("pbkdf2", "$pbkdf2$i=600000,d=sha1$" + Salt + "$" + Key32)]
    [InlineData("argon2", "$argon2id$v=19$m=4095,t=2,p=1$" + Salt + "$" + Key32)]
    [InlineData("argon2", "$argon2id$v=19$m=262145,t=2,p=1$" + Salt + "$" + Key32)]
    [InlineData("argon2", "$argon2id$v=19$m=19456,t=6,p=1$" + Salt + "$" + Key32)]
    [InlineData("argon2", "$argon2id$v=19$m=19456,t=0,p=1$" + Salt + "$" + Key32)]
    [InlineData("argon2", "$argon2i$v=19$m=19456,t=2,p=1$" + Salt + "$" + Key32)]
    [InlineData("argon2", "$argon2id$v=19$m=19456,t=2,p=9$" + Salt + "$" + Key32)]
    [InlineData("argon2", "$argon2id$v=18$m=19456,t=2,p=1$" + Salt + "$" + Key32)]
    [InlineData("argon2", "$argon2id$v=19$t=2,m=19456,p=1$" + Salt + "$" + Key32)]
    [InlineData("argon2", "$argon2id$v=19$m=19456,t=2,p=1,keyid=AA$" + Salt + "$" + Key32)]
    [InlineData("argon2", "$argon2id$v=19$m=19456,t=2,p=1$" + Salt)]
    [InlineData("ssha", "{SSHA}S7fla+Wd6E6/VXhPTlgW2iW4XVM=")]
    [InlineData("ssha", "S7fla+Wd6E6/VXhPTlgW2iW4XVMBAgMEBQYHCA==")]
    [InlineData("ssha256", "{SSHA}S7fla+Wd6E6/VXhPTlgW2iW4XVMBAgMEBQYHCA==")]
    [InlineData("firebase-scrypt", "$firebase-scrypt$hash=AA==$salt=AA==$sk=AA==$ss=Bw==$r=8$m=14")]
    [InlineData("md5", Bcrypt)]
    [InlineData("argon2", Bcrypt)]
    public void What_is_malformed_or_out_of_bounds_is_refused(string type, string text) => Assert.Null(PasswordHash.Import(text, type, false, new byte[16]));

    [Theory]
    [InlineData("$r=8$m=14", "$r=9$m=14")]
    [InlineData("$r=8$m=14", "$r=8$m=16")]
    [InlineData("$r=8$m=14", "$r=8")]
    public void Firebase_s_costs_have_bounds(string from, string to)
    {
        Assert.NotNull(PasswordHash.Import(Firebase, "firebase-scrypt", false, []));
        Assert.Null(PasswordHash.Import(Firebase.Replace(from, to, StringComparison.Ordinal), "firebase-scrypt", false, []));
    }

    [Fact]
    public void A_hash_of_a_megabyte_is_not_looked_at() =>
        Assert.Null(PasswordHash.Import("$argon2id$v=19$m=19456,t=2,p=1$" + new string('A', 1 << 20) + "$" + Key32, "argon2", false, []));
}
