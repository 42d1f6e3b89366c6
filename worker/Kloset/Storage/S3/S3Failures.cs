using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using Amazon.Runtime;
using Amazon.S3;

namespace Kloset.Storage.S3;

/// <summary>What an answer of an S3 server means. What a person can do about it stands in the catalogue of errors, once.</summary>
internal static class S3Failures
{
    /// <summary>Null for an exception that is no failure of the store, such as a cancellation.</summary>
    public static StoreFailure? Classify(Exception exception) => exception switch
    {
        AmazonS3Exception { ErrorCode: "NoSuchBucket" } => StoreFailure.BucketMissing,
        AmazonS3Exception { ErrorCode: "NoSuchKey" or "NotFound" } => StoreFailure.NotFound,
        AmazonS3Exception { ErrorCode: "QuotaExceeded" or "EntityTooLarge" } => StoreFailure.Full,
        AmazonS3Exception { ErrorCode: "SlowDown" or "Throttling" or "TooManyRequests" } => StoreFailure.Throttled,
        AmazonS3Exception { StatusCode: HttpStatusCode.InsufficientStorage } => StoreFailure.Full,
        AmazonS3Exception { StatusCode: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden } => StoreFailure.AccessDenied,
        AmazonS3Exception { StatusCode: HttpStatusCode.NotFound } => StoreFailure.NotFound,
        AmazonS3Exception { StatusCode: HttpStatusCode.PreconditionFailed } => StoreFailure.Changed,
        AmazonS3Exception { StatusCode: HttpStatusCode.RequestedRangeNotSatisfiable } => StoreFailure.Invalid,
        AmazonS3Exception { StatusCode: HttpStatusCode.TooManyRequests } => StoreFailure.Throttled,
        AmazonS3Exception { StatusCode: HttpStatusCode.InternalServerError or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout } => StoreFailure.Unreachable,
        AmazonS3Exception { StatusCode: 0 } => StoreFailure.Unreachable,
        AmazonS3Exception => StoreFailure.Other,
        AmazonClientException or AmazonServiceException or HttpRequestException or SocketException or IOException => StoreFailure.Unreachable,
        TaskCanceledException { InnerException: TimeoutException } => StoreFailure.Unreachable,
        _ => null,
    };

    public static string Explain(Exception exception, StoreFailure failure, S3Options options) => failure switch
    {
        StoreFailure.BucketMissing => $"the bucket '{options.Bucket}' does not exist",
        StoreFailure.AccessDenied => $"the server refused the credentials ({Code(exception)}) on the bucket '{options.Bucket}' in the region '{options.Region}'",
        StoreFailure.Full => $"the store has no room left ({Code(exception)})",
        StoreFailure.Unreachable when Innermost<AuthenticationException>(exception) is { } tls =>
            $"the certificate of {options.Endpoint} is not trusted ({tls.Message})",
        StoreFailure.Unreachable => $"{options.Endpoint?.ToString() ?? "the store"} does not answer ({Innermost<Exception>(exception)?.Message})",
        StoreFailure.NotFound => "it is not there",
        StoreFailure.Changed => "it has another content by now",
        _ => exception.Message,
    };

    private static string Code(Exception exception) => exception is AmazonS3Exception { ErrorCode: { Length: > 0 } code } ? code : exception.Message;

    private static T? Innermost<T>(Exception exception)
        where T : Exception
    {
        T? found = null;
        for (Exception? current = exception; current is not null; current = current.InnerException)
        {
            found = current as T ?? found;
        }

        return found;
    }
}
