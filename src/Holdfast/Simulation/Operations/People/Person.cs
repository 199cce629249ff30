using System.Globalization;

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

/// <summary>A session that a client holds.</summary>
internal sealed class HeldSession(Person whose, Users.RefreshToken token)
{
    public Person Whose => whose;

    /// <summary>The newest token that the client got.</summary>
    public Users.RefreshToken Token { get; set; } = token;

    /// <summary>Those that it had before.</summary>
    public List<Users.RefreshToken> Old { get; } = [];

    public void GoOn(Users.RefreshToken next)
    {
        if (next.Generation > Token.Generation)
        {
            Old.Add(Token);
            Token = next;
        }
    }
}
