using Holdfast.Http.Pages;

namespace Holdfast.Http;

/// <summary>An honest page for a person whose request cannot go on: what happened, what to do, and a reference. For a program the same as JSON, in English.</summary>
/// <param name="code">For programs.</param>
/// <param name="says">Names the texts: <c>fault.NAME</c> is what happened, <c>fault.NAME_advice</c> what to do now.</param>
/// <param name="reference">What support can look up; null for the request's id.</param>
public sealed class ErrorPage(int status, string code, string says, string? reference = null) : IResult
{
    public int Status { get; } = status;

    public string Code { get; } = code;

    /// <summary>What to do, where one thing that happens has several reasons: names <c>fault.NAME_advice</c>. Null for that of what happened.</summary>
    public string? Advises { get; init; }

    /// <summary>What the advice's placeholder is filled with; null when it has none.</summary>
    public (string Name, string Value)? With { get; init; }

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var context = PageContext.Of(httpContext, reference: reference);
        if (!httpContext.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase))
        {
            await new ApiAnswer(Status, new { code = Code, message = $"{Texts.English["fault." + says]} {Advice(Texts.English)}", reference = context.Reference }).ExecuteAsync(httpContext);
            return;
        }
        await PageResult.Of<MessagePage>(context, Status,
            (nameof(MessagePage.Heading), context.Texts["fault." + says]), (nameof(MessagePage.Advice), Advice(context.Texts)), (nameof(MessagePage.IsFault), true)).ExecuteAsync(httpContext);
    }

    private string Advice(Texts texts) => With is { } with ? texts.Of($"fault.{Advises ?? says}_advice", with) : texts[$"fault.{Advises ?? says}_advice"];
}
