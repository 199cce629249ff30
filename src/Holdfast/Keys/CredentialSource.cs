using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Holdfast.Resilience;

namespace Holdfast.Keys;

/// <summary>A credential, as its issuer gave it.</summary>
/// <param name="ExpiresAt">What the issuer says (UTC); null when it does not.</param>
internal sealed record IssuedCredential(DatabaseCredential Credential, DateTimeOffset? ExpiresAt)
{
    public override string ToString() => "(credential)";
}

/// <summary>Where the database's credentials come from: <c>file:PATH</c>, <c>command:PROGRAM</c>, or an address (contract §3).</summary>
internal sealed class CredentialSource : IDisposable
{
    private const int MostBytes = 64 * 1024;
    private const string OfFile = "file:";
    private const string OfCommand = "command:";

    private readonly Func<CancellationToken, Task<byte[]>> _read;
    private readonly bool _mayBeBare;
    private readonly IDisposable? _owned;

    private CredentialSource(Func<CancellationToken, Task<byte[]>> read, Dependency dependency, bool mayBeBare, IDisposable? owned = null) =>
        (_read, Dependency, _mayBeBare, _owned) = (read, dependency, mayBeBare, owned);

    public Dependency Dependency { get; }

    /// <summary>What is wrong with the option's text; null when nothing is.</summary>
    public static string? FaultOf(string text) =>
        text.StartsWith(OfFile, StringComparison.Ordinal) ? text.Length == OfFile.Length ? "file: needs a path." : null
        : text.StartsWith(OfCommand, StringComparison.Ordinal) ? text.Length == OfCommand.Length ? "command: needs a program." : null
        : Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.UserInfo.Length == 0 ? null
        : "only file:PATH, command:PROGRAM and an http or https address without user information are known.";

    public static CredentialSource Of(string text, TimeProvider clock)
    {
        if (Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https")
        {
            // The operator names the address, so it is allowed wherever it leads.
            var http = new OutboundHttp(OutboundGuard.Read(["0.0.0.0/0:*", "::/0:*"]).Guard, clock);
            var limits = new OutboundLimits(MostBytes);
            var issuer = new Dependency(Catalogue.Credentials, clock) { Probe = ct => http.ReachAsync(address, ct), IsProbeAKnock = true };   // to ask for one more credential may cost the issuer something
            return new CredentialSource(async ct => (await http.GetAsync(issuer, address, limits, ct)).Body, issuer, mayBeBare: false, http);
        }
        var dependency = new Dependency(Catalogue.Credentials, clock);
        if (text.StartsWith(OfFile, StringComparison.Ordinal))
        {
            var path = Path.GetFullPath(text[OfFile.Length..]);
            return new CredentialSource(ct => dependency.CallAsync(token => ReadFileAsync(path, token), ct), dependency, mayBeBare: true);
        }
        var program = text[OfCommand.Length..];
        return new CredentialSource(ct => dependency.CallAsync(token => RunAsync(program, token), ct), dependency, mayBeBare: true);
    }

    /// <exception cref="DependencyUnavailableException">It does not answer, or not with a credential.</exception>
    public async Task<IssuedCredential> AskAsync(CancellationToken ct)
    {
        byte[] answer;
        try
        {
            answer = await _read(ct);
        }
        catch (OutboundAnswerException)
        {
            throw Useless();
        }
        return Read(answer) ?? throw Useless();
    }

    public void Dispose() => _owned?.Dispose();

    private IssuedCredential? Read(byte[] answer)
    {
        var text = Encoding.UTF8.GetString(answer).Trim();
        if (!text.StartsWith('{'))
        {
            return _mayBeBare && text.Length > 0 && !text.Contains('\n', StringComparison.Ordinal) ? new IssuedCredential(new DatabaseCredential(null, text), null) : null;
        }
        try
        {
            using var json = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 8 });
            var root = json.RootElement;
            return root.TryGetProperty("password", out var password) && password.GetString() is { Length: > 0 } secret
                ? new IssuedCredential(
                    new DatabaseCredential(root.TryGetProperty("username", out var name) ? name.GetString() : null, secret),
                    root.TryGetProperty("expires_at", out var at) && at.ValueKind == JsonValueKind.String && at.TryGetDateTimeOffset(out var time) ? time : null)
                : null;
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>It answered, and not with a credential: that counts as a failure of its, told without its words.</summary>
    private DependencyUnavailableException Useless()
    {
        Dependency.Report(false, Trouble.Errors);
        return new DependencyUnavailableException(Dependency.Name, Trouble.Errors, Dependency.Policy.OpenFor);
    }

    private static async Task<byte[]> ReadFileAsync(string path, CancellationToken ct)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return await ReadAsync(file, ct);
    }

    private static async Task<byte[]> RunAsync(string program, CancellationToken ct)
    {
        using var process = Process.Start(new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })
            ?? throw new OutageException(Trouble.Errors, "The program did not start.");
        try
        {
            process.StandardInput.Close();
            var complaints = process.StandardError.BaseStream.CopyToAsync(Stream.Null, ct);   // read, so that it does not wait; and not told, for it may hold secrets
            var answer = await ReadAsync(process.StandardOutput.BaseStream, ct);
            await process.WaitForExitAsync(ct);
            await complaints;
            return process.ExitCode == 0 ? answer : throw new OutageException(Trouble.Errors, $"The program ended with {process.ExitCode}.");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    private static async Task<byte[]> ReadAsync(Stream from, CancellationToken ct)
    {
        using var content = new MemoryStream();
        var buffer = new byte[4096];
        int read;
        while ((read = await from.ReadAsync(buffer, ct)) > 0)
        {
            if (content.Length + read > MostBytes)
            {
                throw new OutageException(Trouble.Errors, "The answer is larger than a credential.");
            }
            content.Write(buffer, 0, read);
        }
        return content.ToArray();
    }
}
