using System.Security.Cryptography;
using System.Text;
using Holdfast.Users;
using Microsoft.Extensions.Logging.Abstractions;

namespace Holdfast.Tests.Users;

/// <summary>What a new password must be (PWD-012).</summary>
public sealed class PasswordPolicyTests : IDisposable
{
    private readonly HashQueue _queue = new(places: 1);

    public void Dispose() => _queue.Dispose();

    private async Task<string?> FaultAsync(string password, string? email = "ada@acme.test", BreachedPasswords? breached = null, params string?[] names) =>
        await new PasswordPolicy(_queue, new PasswordLists(breached, NullLogger<PasswordLists>.Instance)).CheckAsync("environment_1", password, email, names, CancellationToken.None) is [var fault, ..] ? fault.Code : null;

    [Theory]
    [InlineData("correct horse battery staple", null)]
    [InlineData("xK9$mq2L-vB4", null)]
    [InlineData("größenwahnsinnige Möhren", null)]
    [InlineData("密码很难猜到哦真的", null)]
    [InlineData("seven77", "password_too_short")]
    [InlineData("", "password_too_short")]
    [InlineData("Password1!", "password_too_weak")]
    [InlineData("qwertyuiop12", "password_too_weak")]
    [InlineData("19871231", "password_too_weak")]
    [InlineData("adaadaada", "password_too_weak")]
    [InlineData("my ADA@acme.TEST pass", "password_contains_email")]
    public async Task A_password_is_hard_to_guess(string password, string? fault) => Assert.Equal(fault, await FaultAsync(password));

    [Fact]
    public async Task What_is_known_of_a_person_makes_a_password_weak()
    {
        Assert.Null(await FaultAsync("zephyrine quillfeather"));
        Assert.Equal("password_too_weak", await FaultAsync("zephyrine quillfeather", null, null, "Zephyrine", "Quillfeather"));
        Assert.Equal("password_too_weak", await FaultAsync("zephyrine quillfeather", "zephyrine.quillfeather@acme.test"));
    }

    [Fact]
    public async Task A_long_password_costs_no_more_than_what_is_read_of_it()
    {
        // Read whole, these take the library seconds; if they did here, the test would be seen to hang.
        foreach (var part in new[] { "4@8({[</3", "19912012", "ab1", "p@ssw0rd", "q2w3e4r5t6z7", "@({31!0$7%2" })
        {
            var password = string.Concat(Enumerable.Repeat(part, 400))[..PasswordPolicy.Longest];
            Assert.True(await FaultAsync(password) is null or "password_too_weak");
            Assert.Equal("password_too_long", await FaultAsync(password + "x"));
        }
        Assert.Null(await FaultAsync("correct horse battery staple" + new string('x', 900), new string('a', 200) + "@acme.test", null, [.. Enumerable.Repeat("name", 1000)]));
    }

    [Theory]
    [InlineData(40, "\n", ":12")]
    [InlineData(40, "\r\n", "")]
    [InlineData(16, "\n", "")]
    public async Task Stolen_passwords_are_found_in_a_file_wherever_they_stand(int digits, string newLine, string count)
    {
        var stolen = Enumerable.Range(0, 300).Select(i => $"a stolen passphrase, number {i}").ToList();
        var path = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(path, string.Concat(stolen.Select(Hash).Order(StringComparer.Ordinal).Select(hash => hash[..digits] + count + newLine)));
            var list = BreachedPasswords.Open(path).List!;

            Assert.All(stolen, password => Assert.True(list.Contains(password)));
            Assert.All(Enumerable.Range(300, 300), i => Assert.False(list.Contains($"a stolen passphrase, number {i}")));
            Assert.Equal("password_breached", await FaultAsync(stolen[7], breached: list));
            Assert.Null(await FaultAsync(stolen[7]));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("hello\n")]
    [InlineData("0123456789ABCDE\n")]
    [InlineData("FFFFFFFFFFFFFFFFFFFF\n00000000000000000000\n")]
    [InlineData("0123456789ABCDEF0123456789ABCDEF0123456789\n")]
    public void A_file_that_is_no_such_list_is_refused_at_the_start(string text)
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, text);
            Assert.NotNull(BreachedPasswords.Open(path).Fault);
        }
        finally
        {
            File.Delete(path);
        }
        Assert.Equal("the file cannot be read.", BreachedPasswords.Open(path + ".nowhere").Fault);
    }

    [Fact]
    public void A_list_of_one_line_without_an_end_is_read()
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, Hash("only"));
            Assert.True(BreachedPasswords.Open(path).List!.Contains("only"));
            Assert.False(BreachedPasswords.Open(path).List!.Contains("other"));
        }
        finally
        {
            File.Delete(path);
        }
    }

#pragma warning disable CA5350 // What the lists are made with.
    private static string Hash(string password) => Convert.ToHexString(SHA1.HashData(Encoding.UTF8.GetBytes(password)));
#pragma warning restore CA5350
}
