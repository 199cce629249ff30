namespace Holdfast.AuthKit;

/// <summary>How somebody signed in, in the words of the public description: one for the answer to a sign-in, another for a session.</summary>
internal static class SignInMethod
{
    public const string Sso = "sso";
    public const string MagicCode = "magic_code";
    public const string Password = "password";
    public const string Passkey = "passkey";
    public const string Impersonation = "impersonation";

    /// <summary>By a connection: those of an OAuth provider are called by its name.</summary>
    public static string Of(string connectionType) => connectionType.EndsWith("OAuth", StringComparison.Ordinal) ? connectionType : Sso;

    /// <summary><c>authentication_method</c>.</summary>
    public static string ToAuthenticationMethod(string method) => method switch
    {
        Sso => "SSO",
        MagicCode => "MagicAuth",
        Password => "Password",
        Passkey => "Passkey",
        Impersonation => "Impersonation",
        _ => method,
    };

    /// <summary>The type in the names of events; null for Single Sign-On, which tells of its own.</summary>
    public static string? ToEventType(string method) => method switch
    {
        Password => "password",
        MagicCode => "magic_auth",
        _ when method.EndsWith("OAuth", StringComparison.Ordinal) => "oauth",
        _ => null,
    };

    /// <summary><c>auth_method</c>.</summary>
    public static string ToAuthMethod(string method) => method switch
    {
        Sso or MagicCode or Password or Passkey or Impersonation => method,
        _ when method.EndsWith("OAuth", StringComparison.Ordinal) => "oauth",
        _ => "unknown",
    };
}
