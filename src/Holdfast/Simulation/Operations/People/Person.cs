using System.Globalization;
using Holdfast.AuthKit;
using Holdfast.Users;

namespace Holdfast.Simulation.Operations.People;

/// <summary>Somebody with a mailbox or two. What reaches a mailbox reaches nobody else.</summary>
/// <param name="main">The address that they sign up with.</param>
/// <param name="other">One that they change to.</param>
internal sealed class Person(string name, string main, string other)
{
    private int _passwords;

    public string Name => name;

    public string Main => main;

    public string Other => other;

    /// <summary>Their name at an identity provider.</summary>
    public string Subject => $"subject of {name}";

    /// <summary>What they believe their password is; null before there was one.</summary>
    public string? Password { get; set; }

    /// <summary>Every password that they, or an administrator for them, may have set.</summary>
    public HashSet<string> Passwords { get; } = new(StringComparer.Ordinal);

    /// <summary>The users that they were told to be, in that order.</summary>
    public List<string> Users { get; } = [];

    /// <summary>One that was never used before.</summary>
    public string NewPassword()
    {
        var password = string.Create(CultureInfo.InvariantCulture, $"{name}'s password {++_passwords}");
        Passwords.Add(password);
        return password;
    }

    public override string ToString() => name;
}

/// <summary>A mail: whoever owns the mailbox can read it.</summary>
/// <param name="Kind">Of the single-use item: the prefix of its id.</param>
internal sealed record Mail(Person Owner, string Address, string Kind, string ItemId, string Secret)
{
    /// <summary>Somebody has tried to use it.</summary>
    public bool IsTried { get; set; }

    /// <summary>It was accepted.</summary>
    public bool IsUsed { get; set; }
}

/// <summary>A browser in which a sign-up was begun.</summary>
internal sealed record Browser(Person Whose, string Address, string? Password, string SignUpId, string ItemId);

/// <summary>A sign-in of which something is still asked.</summary>
/// <param name="Organizations">To choose from.</param>
/// <param name="Code">What was mailed; empty for nothing.</param>
internal sealed record HeldPending(SignInTry Try, PendingAuthentication Pending, IReadOnlyList<string> Organizations, string MailId, string Code)
{
    /// <summary>Somebody has tried to go on with it.</summary>
    public bool IsTried { get; set; }

    /// <summary>As the product seals it; null when the sign-in came to an end.</summary>
    public static HeldPending? Of(Act act, SignInTry attempt, BeginSession.Outcome outcome, string mailId, string code)
    {
        HeldPending Hold(SignedIn who, string next, IReadOnlyList<string>? factors = null, IReadOnlyList<string>? organizations = null) => new(
            attempt, PendingAuthentication.Of(act, who, attempt.Method, Machines.Products.Options.PendingLifetime, next, next == PendingAuthentication.Mailbox ? mailId : null, factors),
            organizations ?? [], mailId, code);
        return outcome switch
        {
            { Choice: { } choice } => Hold(choice.Who, PendingAuthentication.Organization, organizations: [.. choice.Organizations.Select(o => o.OrganizationId)]),
            { Unproven: { } mailbox } => Hold(mailbox.Who, PendingAuthentication.Mailbox),
            { Asked: { } asked } => Hold(asked.Who, PendingAuthentication.Factor, [.. asked.Factors.Select(f => f.Id)]),
            { Missing: { } missing } => Hold(missing.Who, PendingAuthentication.Enrollment),
            _ => null,
        };
    }
}

/// <summary>An app with a secret, as one node has kept it.</summary>
internal sealed record App(Person Whose, string UserId, string FactorId, byte[] Secret, Machines.Node Node, int DisksLost);

/// <summary>Recovery codes on paper.</summary>
internal sealed record Paper(Person Whose, string UserId, string SetId, IReadOnlyList<string> Codes, IReadOnlyList<string> Replaced);

/// <summary>A passkey: a device that counts its signatures.</summary>
internal sealed class Device(Person whose, byte[] credentialId, string factorId)
{
    public Person Whose => whose;

    public byte[] CredentialId => credentialId;

    public string FactorId => factorId;

    public long Count { get; set; }

    /// <summary>What nodes have taken, by node and life of its disk.</summary>
    public List<(Machines.Node Node, int DisksLost, long Count)> Taken { get; } = [];
}

/// <summary>An invitation, and who accepted it.</summary>
internal sealed record Invited(Person Who, string Id, string OrganizationId)
{
    public List<(string UserId, string Request, Machines.Node Node, int DisksLost)> Accepted { get; } = [];
}

/// <summary>A session that a client holds.</summary>
internal sealed class HeldSession(Person whose, RefreshToken token)
{
    public Person Whose => whose;

    /// <summary>The newest token that the client got.</summary>
    public RefreshToken Token { get; set; } = token;

    /// <summary>Those that it had before.</summary>
    public List<RefreshToken> Old { get; } = [];

    public void GoOn(RefreshToken next)
    {
        if (next.Generation > Token.Generation)
        {
            Old.Add(Token);
            Token = next;
        }
    }
}
