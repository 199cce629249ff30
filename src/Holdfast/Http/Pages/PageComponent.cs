using Microsoft.AspNetCore.Components;

namespace Holdfast.Http.Pages;

/// <summary>A page: what it shows. It is made on the server, once; nothing of it runs in the browser.</summary>
public abstract class PageComponent : ComponentBase
{
    [Parameter, EditorRequired]
    public PageContext Page { get; set; } = null!;

    /// <summary>What the page says.</summary>
    protected Texts T => Page.Texts;
}
