namespace Holdfast.Bench;

/// <summary>A sign-in was not answered as it must be.</summary>
internal sealed class SignInFailedException(string step, int status, string body)
    : Exception($"{step} answered {status}: {(body.Length > MostShown ? body[..MostShown] : body)}")
{
    private const int MostShown = 600;
}
