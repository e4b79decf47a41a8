using Ote.Shim.Kubernetes.Kubernetes;

namespace Ote.Tests.ShimKubernetes.Kubernetes;

public sealed class AllowRuleTests
{
    [Theory]
    [InlineData("GET /api/**", "GET", "api", true)]
    [InlineData("GET /api/**", "GET", "api/v1/pods", true)]
    [InlineData("GET /api/**", "PUT", "api/v1/pods", false)]
    [InlineData("GET,PUT /api/**", "PUT", "api/v1/pods", true)]
    [InlineData("* /api/**", "DELETE", "apis/apps", false)]
    [InlineData("GET /api/*/pods", "GET", "api/v1/pods", true)]
    [InlineData("GET /api/*/pods", "GET", "api/v1/pods/x", false)]
    [InlineData("GET /api/*/pods", "GET", "api/pods", false)]
    public void Rule_allows_exactly_its_verbs_and_pattern(string rule, string method, string path, bool allows) =>
        Assert.Equal(allows, AllowRule.Parse(rule).Allows(method, path.Split('/')));

    [Theory]
    [InlineData("")]
    [InlineData("GET")]
    [InlineData("GET api/v1")]
    [InlineData("get /api")]
    [InlineData("GET,BREW /api")]
    [InlineData("GET /api/**/pods")]
    [InlineData("GET /api/po*")]
    [InlineData("GET /api//pods")]
    public void Rule_that_cannot_be_read_says_which_and_why(string text)
    {
        Assert.False(AllowRule.TryParse(text, out _, out string? error));
        Assert.Contains($"'{text}'", error, StringComparison.Ordinal);
    }
}
