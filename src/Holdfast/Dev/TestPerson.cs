using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Holdfast.Dev;

/// <summary>Who signs in at a test identity provider: whoever the form says.</summary>
internal sealed record TestPerson(string Email, string FirstName, string LastName, IReadOnlyList<string> Groups)
{
    private const int MaxLength = 200;

    /// <summary>Whom the form offers.</summary>
    public static TestPerson Ada { get; } = new("ada@acme.test", "Ada", "Lovelace", ["Engineering"]);

    /// <summary>Stays the same for one address, whatever its case, so that the same person comes back.</summary>
    public string Subject => Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(Email.ToLowerInvariant())).AsSpan(0, 16));

    public string Name => $"{FirstName} {LastName}".Trim();

    /// <summary>Reads what was typed, bounded and trimmed, but not judged.</summary>
    public static TestPerson Read(IFormCollection form) => new(
        Field(form, "email"), Field(form, "first_name"), Field(form, "last_name"),
        [.. form["groups"].ToString().Split(',').Select(Clean).Where(g => g.Length > 0).Take(100)]);

    /// <returns>What is wrong with the address; null when it will do.</returns>
    public string? Fault() =>
        Email.Length > MaxLength || Email.IndexOf('@') is var at && (at < 1 || at == Email.Length - 1) || Email.Any(c => char.IsWhiteSpace(c) || char.IsControl(c))
            ? "Enter an email address, like ada@acme.test."
            : null;

    /// <summary>The claims of OpenID Connect Core 1.0 §5.1, and <c>groups</c>.</summary>
    public JsonObject Claims() => new()
    {
        ["sub"] = Subject,
        ["email"] = Email,
        ["email_verified"] = true,
        ["given_name"] = FirstName,
        ["family_name"] = LastName,
        ["name"] = Name,
        ["groups"] = new JsonArray([.. Groups.Select(g => JsonValue.Create(g))]),
    };

    private static string Field(IFormCollection form, string name) => Clean(form[name].ToString());

    /// <summary>Trimmed, bounded, and without what XML cannot hold.</summary>
    private static string Clean(string text)
    {
        var clean = new StringBuilder();
        foreach (var rune in text.EnumerateRunes())
        {
            if (clean.Length <= MaxLength && !Rune.IsControl(rune) && rune.Value is not (0xFFFE or 0xFFFF))
            {
                clean.Append(rune);
            }
        }
        return clean.ToString().Trim();
    }
}
