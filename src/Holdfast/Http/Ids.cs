using Holdfast.Keys;
using Holdfast.Storage;

namespace Holdfast.Http;

/// <summary>Ids: a prefix and a ULID (26 characters of Crockford's base 32). All prefixes stand on this page.</summary>
public sealed class Ids(TimeProvider clock, Entropy entropy)
{
    public const string ActionEndpoint = "action_endpoint_";
    public const string ActionExecution = "action_execution_";
    public const string ApiKey = "api_key_";
    public const string Attempt = "attempt_";
    public const string Client = "client_";
    public const string Connection = "conn_";
    public const string ConnectionDomain = "conn_domain_";
    public const string CorsOrigin = "cors_origin_";
    public const string Credential = "credential_";
    public const string CustomDomain = "custom_domain_";
    public const string Deny = "deny_";
    public const string DeviceRequest = "device_request_";
    public const string EmailChange = "email_change_";
    public const string EmailVerification = "email_verification_";
    public const string Environment = "environment_";
    public const string Event = "event_";
    public const string ExternalKey = "ext_";
    public const string Factor = "auth_factor_";
    public const string FactorChallenge = "auth_challenge_";
    public const string Flag = "flag_";
    public const string FlagTarget = "flag_target_";
    public const string Impersonation = "impersonation_";
    public const string Incident = "incident_";
    public const string IncidentEntry = "incident_entry_";
    public const string Invitation = "invitation_";
    public const string Lift = "lift_";
    public const string MagicCode = "magic_auth_";
    public const string Mail = "mail_";
    public const string Membership = "om_";
    public const string Order = "order_";
    public const string OrderLift = "order_lift_";
    public const string Organization = "org_";
    public const string OrganizationDomain = "org_domain_";
    public const string PasswordReset = "password_reset_";
    public const string PendingAuthentication = "pending_authentication_";
    public const string Profile = "prof_";
    public const string Quarantine = "quarantine_";
    public const string QuarantineLift = "quarantine_lift_";
    public const string RedirectUri = "redir_";
    public const string Request = "req_";
    public const string SamlKey = "saml_key_";
    public const string Session = "session_";
    public const string SignUp = "sign_up_";
    public const string SigningKey = "key_";
    public const string User = "user_";

    private const string Alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    /// <summary>A new one: 48 bits of milliseconds, 80 random bits.</summary>
    public string New(string prefix) => Of(prefix, clock.GetUtcNow(), entropy.Bytes(10));

    /// <summary>The same, of a time and of random bytes that are given.</summary>
    /// <param name="random">The first 10 are taken.</param>
    public static string Of(string prefix, DateTimeOffset now, ReadOnlySpan<byte> random)
    {
        Span<byte> bytes = stackalloc byte[16];
        var time = now.ToUnixTimeMilliseconds();
        for (var i = 0; i < 6; i++)
        {
            bytes[i] = (byte)(time >> (40 - (8 * i)));
        }
        random[..10].CopyTo(bytes[6..]);
        return prefix + Encode(bytes);
    }

    /// <summary>One that anybody who knows the key makes from the same parts, on any node.</summary>
    public static string Derived(string prefix, byte[] key, params ReadOnlySpan<string> parts) => prefix + Encode(ClusterKeys.Mac(key, [prefix, .. parts]).AsSpan(0, 16));

    /// <summary>The 16 bytes of an id; null when it is none of this prefix.</summary>
    public static byte[]? BytesOf(string prefix, string id)
    {
        if (!id.StartsWith(prefix, StringComparison.Ordinal) || id.Length != prefix.Length + 26)
        {
            return null;
        }
        var value = System.UInt128.Zero;
        foreach (var c in id.AsSpan(prefix.Length))
        {
            var digit = Alphabet.IndexOf(c, StringComparison.Ordinal);
            if (digit < 0 || value >> 123 != 0)
            {
                return null;
            }
            value = (value << 5) | (uint)digit;
        }
        var bytes = new byte[16];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt128BigEndian(bytes, value);
        return bytes;
    }

    /// <summary>The id of these 16 bytes.</summary>
    public static string OfBytes(string prefix, ReadOnlySpan<byte> bytes) => prefix + Encode(bytes);

    private static string Encode(ReadOnlySpan<byte> bytes)
    {
        var value = new System.UInt128(
            System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(bytes), System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));
        return string.Create(26, value, static (text, rest) =>
        {
            for (var i = 25; i >= 0; i--)
            {
                text[i] = Alphabet[(int)(rest & 31)];
                rest >>= 5;
            }
        });
    }
}
