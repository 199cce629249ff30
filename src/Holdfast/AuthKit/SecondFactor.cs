using Holdfast.Storage;
using Holdfast.Storage.Rows;
using Holdfast.Users;

namespace Holdfast.AuthKit;

/// <summary>When a second factor is asked for (decision 0016).</summary>
internal static class SecondFactor
{
    /// <summary>Whether one that they have is to be shown. What counts as two already, and what an identity provider has vouched for, is not asked again.</summary>
    public static bool IsAskedFor(View view, Act act, SignedIn who, string method) =>
        who.FactorId is null && IsAskedAfter(method, SignInPolicy.For(view, act.EnvironmentId, who.OrganizationId));

    /// <summary>Whether there must be one, and none was shown.</summary>
    public static bool IsMissing(View view, Act act, SignedIn who, string method) =>
        who.FactorId is null && SignInPolicy.For(view, act.EnvironmentId, who.OrganizationId) is { Mfa: SignInPolicy.Required } policy && IsAskedAfter(method, policy);

    /// <summary>Whether a session that has shown this cannot go on in another organization as it is: there a second factor must be shown, or had.</summary>
    /// <param name="who">In that organization.</param>
    public static bool StopsSwitch(View view, Act act, SignedIn who, string method) =>
        IsMissing(view, act, who, method) || (IsAskedFor(view, act, who, method) && Factor.Of(view, act.EnvironmentId, who.UserId, Factor.Totp).Count > 0);

    /// <summary>The apps that somebody has, the eldest first, without those that this very decision takes away.</summary>
    public static List<Factor> Apps(View view, Act act, SignedIn who, IReadOnlyList<Change> changes) =>
        [.. Factor.Of(view, act.EnvironmentId, who.UserId, Factor.Totp).Where(f => !changes.Any(c => c.Table == Schema.Denies && c.Values.GetValueOrDefault("subject") as string == f.Id))];

    private static bool IsAskedAfter(string method, SignInPolicy policy) => method switch
    {
        SignInMethod.Password or SignInMethod.MagicCode => true,
        SignInMethod.Passkey => false,
        _ => policy.MfaAfterSso,
    };
}
