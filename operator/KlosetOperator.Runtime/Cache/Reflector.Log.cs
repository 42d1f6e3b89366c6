using KlosetOperator.Runtime.Api;
using Microsoft.Extensions.Logging;

namespace KlosetOperator.Runtime.Cache;

internal sealed partial class Reflector<T>
{
    [LoggerMessage(101, LogLevel.Warning, "Listing {Resource} failed and is tried again: {Error}")]
    private partial void LogListFailed(string resource, string error);

    [LoggerMessage(102, LogLevel.Information, "The watch of {Resource} broke and goes on: {Error}")]
    private partial void LogWatchFailed(string resource, string error);

    [LoggerMessage(103, LogLevel.Information, "The server no longer has the history of {Resource} and it is listed again: {Message}")]
    private partial void LogExpired(string resource, string message);

    [LoggerMessage(104, LogLevel.Warning, "The watch of {Resource} was closed at once without an event")]
    private partial void LogVeryShort(string resource);

    [LoggerMessage(105, LogLevel.Information, "The server's cache cannot serve {Resource} at version {Version}; reading from etcd")]
    private partial void LogVersionUnavailable(string resource, string version);

    [LoggerMessage(106, LogLevel.Error, "An object of {Resource} does not fit this program's types and is ignored: {Key}: {Error}")]
    private partial void LogUndecodable(string resource, NamespacedName key, string error);
}
