using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using NSec.Cryptography;
using Org.BouncyCastle.Crypto.Generators;
using Argon2Parameters = Org.BouncyCastle.Crypto.Parameters.Argon2Parameters;

namespace Holdfast.Users;

/// <summary>A password's hash, as it is kept: ours, or one that was imported.</summary>
/// <remarks>Each form within the bounds of the public API's migration guide: what costs more than a sign-in may cost is refused at import, and so is what costs too little to
/// keep. All work on the bytes of the password in UTF-8, whole and as typed.</remarks>
internal abstract partial record PasswordHash
{
    /// <summary>The longest text that is read, in characters.</summary>
    public const int LongestText = 1024;

    private const int SaltBytes = 16;
    private const int HashBytes = 32;

    /// <summary>Types of the public API.</summary>
    public static readonly IReadOnlyList<string> Types = ["bcrypt", "firebase-scrypt", "ssha", "ssha256", "scrypt", "pbkdf2", "argon2"];

    /// <summary>A new hash: argon2id (RFC 9106) with 19 MiB, 2 passes, 1 lane.</summary>
    /// <param name="salt">16 random bytes.</param>
    public static PasswordHash Make(string password, byte[] salt) => Argon2Hash.Make(Encoding.UTF8.GetBytes(password), salt);

    /// <summary>Reads a hash that somebody else made, of one of <see cref="Types"/>. Null when it is not one, or out of bounds.</summary>
    /// <param name="saltIsPrefix">For <c>ssha256</c>: the salt stood before the password.</param>
    /// <param name="salt">16 random bytes, for what is too weak to be kept as it is.</param>
    public static PasswordHash? Import(string text, string type, bool saltIsPrefix, byte[] salt) => text.Length > LongestText ? null : type switch
    {
        "bcrypt" => BcryptHash.Read(text),
        "firebase-scrypt" => FirebaseHash.Read(text),
        "ssha" or "ssha256" => SaltedHash.Import(text, type, saltIsPrefix, salt),
        "scrypt" => ScryptHash.Read(text),
        "pbkdf2" => Pbkdf2Hash.Read(text),
        "argon2" => Argon2Hash.Read(text),
        _ => null,
    };

    /// <summary>Reads what <see cref="ToString"/> wrote; null when it is none of ours.</summary>
    public static PasswordHash? Read(string text) => text.Length > LongestText ? null
        : BcryptHash.Read(text) ?? Argon2Hash.Read(text) ?? ScryptHash.Read(text) ?? Pbkdf2Hash.Read(text) ?? FirebaseHash.Read(text) ?? (PasswordHash?)SaltedHash.Read(text);

    /// <summary>Whether this is the password. Slow: tens of milliseconds and megabytes, whatever the answer.</summary>
    public bool Opens(string password) => Opens(Encoding.UTF8.GetBytes(password));

    /// <summary>Whether it should be made anew when the password is seen next: it is not of the form that new ones have.</summary>
    public virtual bool IsOld => true;

    /// <summary>What checking it takes of memory, about.</summary>
    public virtual int Megabytes => 1;

    /// <summary>A hash of the form that new ones have, which no password opens: for who is not there.</summary>
    public static PasswordHash Nobodys { get; } = Argon2Hash.Empty;

    /// <summary>As it is kept.</summary>
    public abstract override string ToString();

    private protected abstract bool Opens(byte[] password);

    private static string Encode(byte[] bytes) => Convert.ToBase64String(bytes).TrimEnd('=');

    /// <summary>Base64 with or without its padding; null when it is none, or its bytes are not of this number.</summary>
    private static byte[]? Decode(string text, int least, int most)
    {
        try
        {
            var bytes = Convert.FromBase64String(text.TrimEnd('=').PadRight((text.TrimEnd('=').Length + 3) / 4 * 4, '='));
            return bytes.Length >= least && bytes.Length <= most ? bytes : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static int? Number(Group digits, int least, int most) =>
        int.TryParse(digits.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most ? number : null;

    private static bool Same(byte[] one, byte[] other) => CryptographicOperations.FixedTimeEquals(one, other);

    /// <summary>Argon2 (RFC 9106) in the PHC string format, versions 16 and 19. A library for Node writes lanes before passes.</summary>
    private sealed partial record Argon2Hash(int Kind, int Version, int Memory, int Passes, int Lanes, byte[] Salt, byte[] Hash) : PasswordHash
    {
        private const int NewMemory = 19_456;
        private const int NewPasses = 2;

        public static Argon2Hash Empty { get; } = new(Argon2Parameters.Argon2id, Argon2Parameters.Version13, NewMemory, NewPasses, 1, new byte[SaltBytes], new byte[HashBytes]);

        public static Argon2Hash Make(byte[] password, byte[] salt)
        {
            var made = Empty with { Salt = salt[..SaltBytes] };
            return made with { Hash = made.Of(password) };
        }

        public static new Argon2Hash? Read(string text) =>
            Form().Match(text) is { Success: true, Groups: var g }
            && g["kind"].Value switch { "d" => Argon2Parameters.Argon2d, "i" => Argon2Parameters.Argon2i, _ => Argon2Parameters.Argon2id } is var kind
            && (g["v"].Success ? Number(g["v"], 16, 19) : 16) is (16 or 19) and var version
            && Number(g["m"], 4096, 262_144) is { } memory
            && Number(g["t"], kind == Argon2Parameters.Argon2i ? 3 : 1, 5) is { } passes
            && Number(g["p"], 1, 8) is { } lanes
            && Decode(g["salt"].Value, 8, 64) is { } salt
            && Decode(g["hash"].Value, 16, 64) is { } hash
                ? new Argon2Hash(kind, version, memory, passes, lanes, salt, hash)
                : null;

        public override bool IsOld => Kind != Argon2Parameters.Argon2id || Version != 19 || Memory < NewMemory || Passes < NewPasses || Hash.Length < HashBytes || Salt.Length < SaltBytes;

        private protected override bool Opens(byte[] password) => Same(Of(password), Hash);

        public override int Megabytes => (Memory / 1024) + 1;

        public override string ToString() => string.Create(CultureInfo.InvariantCulture,
            $"$argon2{(Kind == Argon2Parameters.Argon2d ? "d" : Kind == Argon2Parameters.Argon2i ? "i" : "id")}$v={Version}$m={Memory},t={Passes},p={Lanes}${Encode(Salt)}${Encode(Hash)}");

        private byte[] Of(byte[] password)
        {
            // What libsodium computes, it computes: its argon2id has one lane and salts of 16 bytes (decision 0018).
            if (Kind == Argon2Parameters.Argon2id && Version == Argon2Parameters.Version13 && Lanes == 1 && Salt.Length == SaltBytes)
            {
                return new Argon2id(new NSec.Cryptography.Argon2Parameters { DegreeOfParallelism = 1, MemorySize = Memory, NumberOfPasses = Passes }).DeriveBytes(password, Salt, Hash.Length);
            }
            var generator = new Argon2BytesGenerator();
            generator.Init(new Argon2Parameters.Builder(Kind).WithVersion(Version).WithMemoryAsKB(Memory).WithIterations(Passes).WithParallelism(Lanes).WithSalt(Salt).Build());
            var hash = new byte[Hash.Length];
            generator.GenerateBytes(password, hash);
            return hash;
        }

        [GeneratedRegex(@"^\$argon2(?<kind>id|i|d)(\$v=(?<v>\d{2}))?\$m=(?<m>\d{1,7}),(t=(?<t>\d{1,2}),p=(?<p>\d{1,2})|p=(?<p>\d{1,2}),t=(?<t>\d{1,2}))\$(?<salt>[A-Za-z0-9+/]+)\$(?<hash>[A-Za-z0-9+/]+)\z", RegexOptions.ExplicitCapture)]
        private static partial Regex Form();
    }

    /// <summary>Bcrypt in its modular crypt format. Beyond 72 bytes, or a NUL, it reads nothing of a password: so it was hashed, so it is checked.</summary>
    private sealed partial record BcryptHash(string Text) : PasswordHash
    {
        public static new BcryptHash? Read(string text) => Form().Match(text) is { Success: true, Groups: var g } && Number(g["cost"], 4, 14) is not null ? new BcryptHash(text) : null;

        private protected override bool Opens(byte[] password)
        {
            return OpenBsdBCrypt.CheckPassword(Text, Encoding.UTF8.GetString(password).Split('\0')[0].ToCharArray());
        }

        public override string ToString() => Text;

        [GeneratedRegex(@"^\$2[aby]\$(?<cost>\d{2})\$[./A-Za-z0-9]{53}\z", RegexOptions.ExplicitCapture)]
        private static partial Regex Form();
    }

    /// <summary>Scrypt (RFC 7914) as <c>$scrypt$v=1$n=…,r=…,p=…,kl=…$salt$hash</c>.</summary>
    private sealed partial record ScryptHash(int N, int R, int P, byte[] Salt, byte[] Hash) : PasswordHash
    {
        private const long MostBytes = 128L << 20;   // what OWASP recommends takes this

        public static new ScryptHash? Read(string text) =>
            Form().Match(text) is { Success: true, Groups: var g }
            && Number(g["n"], 1024, 1 << 20) is { } n && (n & (n - 1)) == 0
            && Number(g["r"], 1, 32) is { } r
            && Number(g["p"], 1, 16) is { } p
            && 128L * n * r <= MostBytes && (long)n * r * p <= 1 << 22 && (r > 1 || n < 65_536)   // RFC 7914 §2: N is below 2^(128 * r / 8)
            && Number(g["kl"], 16, 128) is { } length
            && Decode(g["salt"].Value, 8, 64) is { } salt
            && Decode(g["hash"].Value, length, length) is { } hash
                ? new ScryptHash(n, r, p, salt, hash)
                : null;

        private protected override bool Opens(byte[] password) => Same(SCrypt.Generate(password, Salt, N, R, P, Hash.Length), Hash);

        public override int Megabytes => (int)(128L * N * R >> 20) + 1;

        public override string ToString() =>
            string.Create(CultureInfo.InvariantCulture, $"$scrypt$v=1$n={N},r={R},p={P},kl={Hash.Length}${Encode(Salt)}${Encode(Hash)}");

        [GeneratedRegex(@"^\$scrypt\$v=1\$n=(?<n>\d{1,8}),r=(?<r>\d{1,3}),p=(?<p>\d{1,3}),kl=(?<kl>\d{1,3})\$(?<salt>[A-Za-z0-9+/]+)\$(?<hash>[A-Za-z0-9+/]+)\z", RegexOptions.ExplicitCapture)]
        private static partial Regex Form();
    }

    /// <summary>PBKDF2 (RFC 8018 §5.2) as <c>$pbkdf2$i=…,d=sha256$salt$hash</c>, or with sha512.</summary>
    private sealed partial record Pbkdf2Hash(int Iterations, string Digest, byte[] Salt, byte[] Hash) : PasswordHash
    {
        public static new Pbkdf2Hash? Read(string text) =>
            Form().Match(text) is { Success: true, Groups: var g }
            && g["d"].Value is var digest
            && Number(g["i"], digest == "sha256" ? 600_000 : 210_000, 1_000_000) is { } iterations
            && Decode(g["salt"].Value, 8, 64) is { } salt
            && Decode(g["hash"].Value, 16, 64) is { } hash
                ? new Pbkdf2Hash(iterations, digest, salt, hash)
                : null;

        private protected override bool Opens(byte[] password) =>
            Same(Rfc2898DeriveBytes.Pbkdf2(password, Salt, Iterations, Digest == "sha256" ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA512, Hash.Length), Hash);

        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"$pbkdf2$i={Iterations},d={Digest}${Encode(Salt)}${Encode(Hash)}");

        [GeneratedRegex(@"^\$pbkdf2\$i=(?<i>\d{1,8}),d=(?<d>sha256|sha512)\$(?<salt>[A-Za-z0-9+/]+)\$(?<hash>[A-Za-z0-9+/]+)\z", RegexOptions.ExplicitCapture)]
        private static partial Regex Form();
    }

    /// <summary>Firebase's scrypt: the derived key encrypts the project's signer key (AES-256-CTR, a counter from 0).</summary>
    private sealed partial record FirebaseHash(byte[] Hash, byte[] Salt, byte[] SignerKey, byte[] Separator, int Rounds, int MemoryCost) : PasswordHash
    {
        public static new FirebaseHash? Read(string text) =>
            Form().Match(text) is { Success: true, Groups: var g }
            && Decode(g["salt"].Value, 1, 64) is { } salt
            && Decode(g["sk"].Value, 16, 128) is { } signerKey
            && Decode(g["hash"].Value, signerKey.Length, signerKey.Length) is { } hash
            && Decode(g["ss"].Value, 1, 64) is { } separator
            && Number(g["r"], 1, 8) is { } rounds
            && Number(g["m"], 10, 15) is { } memoryCost
                ? new FirebaseHash(hash, salt, signerKey, separator, rounds, memoryCost)
                : null;

        public override int Megabytes => (int)((128L << MemoryCost) * Rounds >> 20) + 1;

        private protected override bool Opens(byte[] password)
        {
            var key = SCrypt.Generate(password, [.. Salt, .. Separator], 1 << MemoryCost, Rounds, 1, 64)[..32];
            using var aes = Aes.Create();
            aes.Key = key;
            var encrypted = new byte[SignerKey.Length];
            var counter = new byte[16];
            for (var at = 0; at < encrypted.Length; at += 16)
            {
                counter[15] = (byte)(at / 16);   // a signer key has at most 8 blocks
                var pad = aes.EncryptEcb(counter, PaddingMode.None);
                for (var i = at; i < Math.Min(at + 16, encrypted.Length); i++)
                {
                    encrypted[i] = (byte)(SignerKey[i] ^ pad[i - at]);
                }
            }
            return Same(encrypted, Hash);
        }

        public override string ToString() => string.Create(CultureInfo.InvariantCulture,
            $"$firebase-scrypt$hash={Encode(Hash)}$salt={Encode(Salt)}$sk={Encode(SignerKey)}$ss={Encode(Separator)}$r={Rounds}$m={MemoryCost}");

        [GeneratedRegex(@"^\$firebase-scrypt\$hash=(?<hash>[A-Za-z0-9+/]+={0,2})\$salt=(?<salt>[A-Za-z0-9+/]+={0,2})\$sk=(?<sk>[A-Za-z0-9+/]+={0,2})\$ss=(?<ss>[A-Za-z0-9+/]+={0,2})\$r=(?<r>\d{1,2})\$m=(?<m>\d{1,2})\z", RegexOptions.ExplicitCapture)]
        private static partial Regex Form();
    }

    /// <summary>SHA-1 or SHA-256 over password and salt, which is too fast to be kept: argon2id stands around it, so that what is stolen here is worth no more than ours.</summary>
    private sealed partial record SaltedHash(string Type, bool SaltIsPrefix, byte[] Salt, PasswordHash Around) : PasswordHash
    {
        public static new SaltedHash? Import(string text, string type, bool saltIsPrefix, byte[] salt)
        {
            var (scheme, length) = type == "ssha" ? ("{SSHA}", SHA1.HashSizeInBytes) : ("{SSHA256}", SHA256.HashSizeInBytes);
            return text.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) && Decode(text[scheme.Length..], length + 4, length + 64) is { } bytes
                ? new SaltedHash(type, saltIsPrefix, bytes[length..], Argon2Hash.Make(bytes[..length], salt))
                : null;
        }

        public static new SaltedHash? Read(string text) =>
            Form().Match(text) is { Success: true, Groups: var g } && Decode(g["salt"].Value, 4, 64) is { } salt && Argon2Hash.Read(g["around"].Value) is { } around
                ? new SaltedHash(g["type"].Value, g["place"].Value == "prefix", salt, around)
                : null;

        public override int Megabytes => Around.Megabytes;

        private protected override bool Opens(byte[] password)
        {
            byte[] salted = SaltIsPrefix ? [.. Salt, .. password] : [.. password, .. Salt];
#pragma warning disable CA5350 // SHA-1 is what the one who made the hash took.
            return Around.Opens(Type == "ssha" ? SHA1.HashData(salted) : SHA256.HashData(salted));
#pragma warning restore CA5350
        }

        public override string ToString() => $"${Type}${(SaltIsPrefix ? "prefix" : "suffix")}${Encode(Salt)}{Around}";

        [GeneratedRegex(@"^\$(?<type>ssha|ssha256)\$(?<place>prefix|suffix)\$(?<salt>[A-Za-z0-9+/]+)(?<around>\$argon2id\$.+)\z", RegexOptions.ExplicitCapture)]
        private static partial Regex Form();
    }
}
